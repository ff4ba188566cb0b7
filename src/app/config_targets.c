/* config_targets.c: the list `targets` of a model in the file. */

#include "app/config_reading.h"

#include <errno.h>

enum { TARGETS_MOST = 64 };

#define FORM SLICE("- {provider: …}, with provider, upstream_model, endpoint, api_key")

/* The model that the targets belong to. */
struct model_reading {
    struct config *c;
    const char *prefix; /* "models[3]." */
    const struct yaml_node *node;
    struct model_row *row;
};

static bool has_provider(const struct yaml_node *map)
{
    return yaml_member(map, "provider") != NULL;
}

/* A target of the same members as an earlier one would only be asked twice. */
static void check_repeated(const struct model_reading *r, const struct yaml_node *node, size_t n)
{
    const struct target_row *rows = r->row->targets;

    for (size_t i = 0; i < n; i++) {
        const struct setting *s = settings_target;
        while (s->path && setting_is_equal(s, &rows[i], &rows[n]))
            s++;
        if (!s->path) {
            config_fault_at(&r->c->faults, node->line, (struct slice){0},
                            "%stargets[%zu] is the same as targets[%zu]", r->prefix, n, i);
            return;
        }
    }
}

static void read_target(const struct model_reading *r, const struct yaml_node *node, size_t index,
                        struct target_row *ret)
{
    struct config_faults *faults = &r->c->faults;
    char prefix[CONFIG_PREFIX];

    if (node->kind == YAML_BROKEN)
        return;
    if (node->kind != YAML_MAP || !node->first) {
        config_fault_at(faults, node->line, FORM,
                        "%stargets[%zu] must be a mapping with at least one member", r->prefix,
                        index);
        return;
    }
    snprintf(prefix, sizeof(prefix), "%stargets[%zu].", r->prefix, index);
    size_t before = faults->len;
    config_read_members(r->c, &(struct config_section){prefix, settings_target, "", ret}, node,
                        NULL);
    if (!has_provider(r->node) && !has_provider(node))
        config_fault_at(faults, node->line, SLICE("the name of a provider, here or of the model"),
                        "%sprovider is missing, and the model has none", prefix);
    if (faults->len == before)
        check_repeated(r, node, index);
}

static int read_list(const struct model_reading *r, const struct yaml_node *list)
{
    size_t n = yaml_count(list), index = 0;

    if (n > TARGETS_MOST) {
        config_fault_at(&r->c->faults, list->line, SLICE("at most 64"), "%stargets has %zu targets",
                        r->prefix, n);
        return OK;
    }
    struct target_row *rows = arena_new_array(&r->c->arena, struct target_row, n);
    if (!rows)
        return -ENOMEM;
    r->row->targets = rows;
    r->row->targets_len = n;
    for (const struct yaml_node *m = list->first; m; m = m->next, index++) {
        settings_entry_defaults(settings_target, &rows[index], sizeof(rows[index]));
        read_target(r, m, index, &rows[index]);
    }
    return OK;
}

int config_read_targets(struct config *c, const char *prefix, const struct yaml_node *node,
                        void *row)
{
    const struct model_reading r = {c, prefix, node, row};
    const struct yaml_node *list = yaml_member(node, "targets");

    if (!list) {
        if (!has_provider(node))
            config_fault_at(&c->faults, node->line, SLICE("the name of a provider, or `targets`"),
                            "%sprovider is missing", prefix);
        return OK;
    }
    if (list->kind == YAML_BROKEN)
        return OK;
    if (list->kind == YAML_LIST && list->first)
        return read_list(&r, list);
    config_fault_at(&c->faults, list->line, FORM, "%stargets must be a list of at least one",
                    prefix);
    return OK;
}
