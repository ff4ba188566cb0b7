/* yaml_tree.h: a YAML text as a tree that knows its lines.
 *
 * One document, mappings with text as keys, lists, scalars. Aliases are refused (a bomb of them
 * would fit into any size limit). Variables in a value are replaced (config_outside.h). */

#pragma once

#include "app/config_outside.h"

enum yaml_kind {
    YAML_BROKEN, /* has been complained about: to be passed over */
    YAML_NULL,   /* nothing, ~ or null, unquoted */
    YAML_SCALAR,
    YAML_LIST,
    YAML_MAP,
};

struct yaml_node {
    enum yaml_kind kind;
    unsigned line;
    struct slice text; /* of a scalar, NUL-terminated */
    bool replaced;     /* it held a variable: may be a secret, not to be shown */
    struct slice key;  /* in a mapping */
    unsigned key_line;
    struct yaml_node *first, *last; /* members */
    struct yaml_node *next;         /* sibling */
};

enum { YAML_TREE_BYTES = 1 << 20, YAML_TREE_DEPTH = 16 };

/* Nodes and texts live in faults->arena. OK: *ret is the root; faults may have been added (broken
 * nodes). -EBADMSG: no tree at all, faults say why. -ENOMEM. */
int yaml_tree_read(struct slice text, const struct config_outside *outside,
                   struct config_faults *faults, struct yaml_node **ret);
/* The member of a mapping, or NULL. */
const struct yaml_node *yaml_member(const struct yaml_node *map, const char *key);
/* The members of a list or mapping. */
size_t yaml_count(const struct yaml_node *node);
