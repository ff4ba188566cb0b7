/* config_reading.h: what the files that read the configuration share; private to them. */

#pragma once

#include "app/config_file.h"

/* Bytes for the longest prefix: "models[N].targets[N].". */
enum { CONFIG_PREFIX = 72 };

/* A mapping read by a table: "models[3]." and the settings that may stand in it. */
struct config_section {
    const char *prefix;          /* for messages; "" at the top */
    const struct setting *table; /* ended by a NULL path */
    const char *group;           /* only paths below it: "log."; "": only those without a dot */
    void *object;
};

/* Reads the members of a mapping into the section's object and complains about unknown, repeated
 * and wrong ones. extra: names of members that somebody else reads, ended by NULL; may be NULL. */
void config_read_members(struct config *c, const struct config_section *section,
                         const struct yaml_node *map, const char *const *extra);
/* Complains about a member nobody knows. */
void config_unknown_member(struct config *c, const struct config_section *section,
                           const struct yaml_node *member, const char *const *known);
/* The lists `providers` and `models` of the root, and what must hold between them. -ENOMEM. */
int config_read_entries(struct config *c, const struct yaml_node *root);
/* The member `targets` of a model's mapping, into its row (struct model_row), and whether every
 * target has a provider. prefix: "models[3].". -ENOMEM. */
int config_read_targets(struct config *c, const char *prefix, const struct yaml_node *node,
                        void *row);
/* Joins names with a separator, in the arena. */
struct slice config_join(struct arena *a, const char *const *names, const char *separator);
