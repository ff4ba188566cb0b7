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
