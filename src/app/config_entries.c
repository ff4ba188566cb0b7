/* config_entries.c: the lists `providers` and `models` of the file, and what must hold between
 * them. */

#include "app/config_reading.h"

#include "adapter/registry.h"
#include "app/suggest.h"
#include "base/map.h"

#include <errno.h>
#include <stdio.h>

enum { KNOWN_MOST = 32 };

/* A list while it is read: rows[i] came from nodes[i]. */
struct list_reading {
    const char *name; /* "providers" */
    const struct setting *table;
    size_t row_size;
    const char *const *extra; /* members that read_extra reads; both may be NULL */
    int (*read_extra)(struct config *c, const char *prefix, const struct yaml_node *node,
                      void *row);
    char *rows;
    const struct yaml_node **nodes;
    size_t len;
};

static int read_entry(struct config *c, struct list_reading *r, const struct yaml_node *node,
                      size_t index)
{
    char prefix[CONFIG_PREFIX];
    void *row = r->rows + r->len * r->row_size;

    if (node->kind == YAML_BROKEN)
        return OK;
    snprintf(prefix, sizeof(prefix), "%s[%zu].", r->name, index);
    if (node->kind != YAML_MAP) {
        config_fault_at(&c->faults, node->line, SLICE("{name: …}"), "%s[%zu] must be a mapping",
                        r->name, index);
        return OK;
    }
    settings_entry_defaults(r->table, row, r->row_size);
    config_read_members(c, &(struct config_section){prefix, r->table, "", row}, node, r->extra);
    r->nodes[r->len++] = node;
    return r->read_extra ? r->read_extra(c, prefix, node, row) : OK;
}

static int read_list(struct config *c, struct list_reading *r, const struct yaml_node *root)
{
    const struct yaml_node *list = yaml_member(root, r->name);
    size_t index = 0;
    int rc = OK;

    if (!list || list->kind == YAML_NULL || list->kind == YAML_BROKEN)
        return OK;
    if (list->kind != YAML_LIST) {
        config_fault_at(&c->faults, list->line, SLICE("- {name: …}"), "%s must be a list", r->name);
        return OK;
    }
    size_t n = yaml_count(list);
    r->rows = arena_zalloc_array(&c->arena, n, r->row_size);
    r->nodes = arena_zalloc_array(&c->arena, n, sizeof(*r->nodes));
    if (!r->rows || !r->nodes)
        return -ENOMEM;
    for (const struct yaml_node *m = list->first; m && rc == OK; m = m->next)
        rc = read_entry(c, r, m, index++);
    return rc;
}

/* The line of a member, or of the entry that lacks it. */
static unsigned line_of(const struct yaml_node *entry, const char *member)
{
    const struct yaml_node *node = yaml_member(entry, member);

    return node ? node->line : entry->line;
}

/* Every row begins with its name. name → node; complains about a second one of the same name. */
static int index_names(struct config *c, const struct list_reading *r, struct map *ret)
{
    for (size_t i = 0; i < r->len; i++) {
        struct slice name;
        memcpy(&name, r->rows + i * r->row_size, sizeof(name));
        if (slice_is_empty(name))
            continue;
        const struct yaml_node *first = map_get(ret, name);
        if (first)
            config_fault_at(&c->faults, line_of(r->nodes[i], "name"), (struct slice){0},
                            "%s: the name %.*s is taken, first on line %u", r->name,
                            SLICE_FMT(name), line_of(first, "name"));
        else if (map_put(ret, name, (void *)(uintptr_t)r->nodes[i]) < 0)
            return -ENOMEM;
    }
    return OK;
}

static void check_provider(struct config *c, const struct provider_row *p,
                           const struct yaml_node *node)
{
    const struct adapter *adapter = adapter_find(p->type);

    for (const struct setting_rule *rule = adapter ? adapter->settings : NULL; rule && rule->name;
         rule++) {
        bool given = yaml_member(node, rule->name) != NULL;
        if (rule->required && !given && !rule->fallback)
            config_fault_at(&c->faults, node->line, slice_str(rule->meaning),
                            "provider %.*s: a provider of type %s needs %s", SLICE_FMT(p->name),
                            adapter->name, rule->name);
    }
}

/* A name that must be in the map, else the fault says which are (some of them, when many). */
static void check_reference(struct config *c, const struct map *names, struct slice name,
                            unsigned line, const char *what)
{
    const char *known[KNOWN_MOST + 1];
    size_t at = 0, n = 0;
    struct map_entry *e;

    if (slice_is_empty(name) || map_get(names, name))
        return;
    while (n < KNOWN_MOST && (e = map_next(names, &at)))
        if ((known[n] = arena_copy(&c->arena, e->key).at))
            n++;
    known[n] = NULL;
    const char *meant = suggest(name, known);
    config_fault_at(&c->faults, line, config_join(&c->arena, known, ", "),
                    "%s %.*s is not there%s%s%s", what, SLICE_FMT(name),
                    meant ? ", did you mean " : "", meant ? meant : "", meant ? "?" : "");
}

/* Of the list `targets`: row i came from the i-th node. */
static void check_targets(struct config *c, const struct map *providers, const struct model_row *m,
                          const struct yaml_node *list)
{
    const struct yaml_node *node = list ? list->first : NULL;

    for (size_t i = 0; node && i < m->targets_len; i++, node = node->next)
        check_reference(c, providers, m->targets[i].provider, line_of(node, "provider"),
                        "the provider");
}

static void check_model(struct config *c, const struct map *providers, const struct map *models,
                        const struct model_row *m, const struct yaml_node *node)
{
    struct slice rest = m->fallback;

    check_reference(c, providers, m->provider, line_of(node, "provider"), "the provider");
    check_targets(c, providers, m, yaml_member(node, "targets"));
    if (m->fallback_on.len && !m->fallback.len)
        config_fault_at(&c->faults, line_of(node, "fallback_on"), SLICE("fallback as well"),
                        "model %.*s: fallback_on says when, but fallback is missing",
                        SLICE_FMT(m->name));
    while (rest.len) {
        struct slice name = slice_cut(&rest, ',');
        unsigned line = line_of(node, "fallback");
        if (slice_eq(name, m->name))
            config_fault_at(&c->faults, line, (struct slice){0}, "model %.*s falls back on itself",
                            SLICE_FMT(name));
        else
            check_reference(c, models, name, line, "the fallback model");
    }
}

static int check_entries(struct config *c, const struct list_reading *providers,
                         const struct list_reading *models)
{
    struct map provider_names, model_names;

    map_init(&provider_names);
    map_init(&model_names);
    int rc = index_names(c, providers, &provider_names);
    if (rc == OK)
        rc = index_names(c, models, &model_names);
    for (size_t i = 0; rc == OK && i < providers->len; i++)
        check_provider(c, &c->providers[i], providers->nodes[i]);
    for (size_t i = 0; rc == OK && i < models->len; i++)
        check_model(c, &provider_names, &model_names, &c->models[i], models->nodes[i]);
    map_free(&model_names);
    map_free(&provider_names);
    return rc;
}

int config_read_entries(struct config *c, const struct yaml_node *root)
{
    static const char *const of_model[] = {"targets", NULL};
    struct list_reading providers = {
        .name = "providers", .table = settings_provider, .row_size = sizeof(struct provider_row)};
    struct list_reading models = {.name = "models",
                                  .table = settings_model,
                                  .row_size = sizeof(struct model_row),
                                  .extra = of_model,
                                  .read_extra = config_read_targets};

    _Static_assert(offsetof(struct provider_row, name) == 0, "index_names reads the name");
    _Static_assert(offsetof(struct model_row, name) == 0, "index_names reads the name");
    int rc = read_list(c, &providers, root);
    if (rc == OK)
        rc = read_list(c, &models, root);
    if (rc < 0)
        return rc;
    c->providers = (struct provider_row *)(void *)providers.rows;
    c->providers_len = providers.len;
    c->models = (struct model_row *)(void *)models.rows;
    c->models_len = models.len;
    for (size_t i = 0; i < c->providers_len; i++)
        c->providers[i].from_file = true;
    for (size_t i = 0; i < c->models_len; i++)
        c->models[i].from_file = true;
    return check_entries(c, &providers, &models);
}
