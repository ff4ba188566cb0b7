/* catalog.c: the registry's models, seen through what a key may use. */

#include "service/catalog.h"

#include "router/registry.h"
#include "service/snapshot.h"

#include <errno.h>

static struct catalog_entry catalog_entry(const struct registry_model *m)
{
    return (struct catalog_entry){
        .name = m->name,
        .owned_by = m->owned_by,
        .created_wall_us = m->created_wall_us,
        .context_window = m->context_window,
        .max_tokens = m->max_tokens,
        .modalities = m->modalities,
    };
}

int catalog_list(const struct snapshot *snapshot, const struct principal *p, struct arena *a,
                 struct catalog_entry **ret, size_t *ret_len)
{
    size_t n, len = 0;
    const struct registry_model *const *models = registry_models(snapshot->registry, &n);
    struct catalog_entry *entries = arena_new_array(a, struct catalog_entry, n);

    if (!entries)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        if (principal_may_use(p, models[i]->name))
            entries[len++] = catalog_entry(models[i]);
    *ret = entries;
    *ret_len = len;
    return OK;
}

bool catalog_cut(const struct catalog_page *page, const struct catalog_entry **models, size_t *len)
{
    const struct catalog_entry *from = *models, *to = from + *len;
    bool backwards = !slice_is_empty(page->before);

    while (from < to && page->after.len && slice_order(from->name, page->after) <= 0)
        from++;
    while (from < to && backwards && slice_order(to[-1].name, page->before) >= 0)
        to--;
    size_t there = (size_t)(to - from);
    *len = MIN(there, page->limit);
    *models = backwards ? to - *len : from;
    return there > page->limit;
}

bool catalog_has(const struct snapshot *snapshot, struct slice name)
{
    return registry_find(snapshot->registry, name);
}

bool catalog_find(const struct snapshot *snapshot, const struct principal *p, struct slice name,
                  struct catalog_entry *ret)
{
    const struct registry_model *m = registry_find(snapshot->registry, name);

    if (!m || !principal_may_use(p, name))
        return false;
    *ret = catalog_entry(m);
    return true;
}
