/* target_names.c: see target_names.h. */

#include "service/target_names.h"

#include "router/census.h"
#include "router/registry.h"
#include "service/snapshot.h"

#include <errno.h>
#include <stdlib.h>

static int compare_identities(const void *a, const void *b)
{
    uint64_t x = (*(const struct target *const *)a)->identity;
    uint64_t y = (*(const struct target *const *)b)->identity;

    return (x > y) - (x < y);
}

int target_names_make(const struct snapshot *snapshot, struct arena *a, struct target_names *ret)
{
    const struct registry_model *const *models = NULL;
    size_t models_len = 0, room = 0;

    if (snapshot)
        models = registry_models(snapshot->registry, &models_len);
    for (size_t i = 0; i < models_len; i++)
        room += models[i]->targets_len;
    *ret = (struct target_names){.targets = arena_new_array(a, const struct target *, room)};
    if (!ret->targets)
        return -ENOMEM;
    for (size_t i = 0; i < models_len; i++)
        for (size_t t = 0; t < models[i]->targets_len; t++)
            ret->targets[ret->len++] = &models[i]->targets[t];
    if (ret->len)
        qsort(ret->targets, ret->len, sizeof(ret->targets[0]), compare_identities);
    return OK;
}

const struct target **target_names_place(const struct target_names *n, uint64_t identity)
{
    const struct target key = {.identity = identity}, *wanted = &key;

    return n->len ? bsearch(&wanted, n->targets, n->len, sizeof(n->targets[0]), compare_identities)
                  : NULL;
}

struct slice target_names_origin(const struct target_names *n, uint64_t hash)
{
    struct slice first = SLICE("");

    for (size_t i = 0; i < n->len; i++) {
        struct slice provider = n->targets[i]->provider;
        if (census_origin_of(n->targets[i]) == hash &&
            (slice_is_empty(first) || slice_order(provider, first) < 0))
            first = provider;
    }
    return first;
}
