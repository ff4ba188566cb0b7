/* answer_cache.c: see answer_cache.h. */

#include "app/answer_cache.h"

#include "service/cache.h"
#include "service/cache_memory.h"

#include <errno.h>
#include <stdlib.h>

struct answer_cache {
    struct cache_memory *memory;
    unsigned char hash_key[CACHE_HASH_LEN];
    size_t entry_bytes;
};

int answer_cache_new(const struct settings *s, struct secret secret_key, struct answer_cache **ret)
{
    struct answer_cache *a = calloc(1, sizeof(*a));

    if (!a)
        return -ENOMEM;
    a->entry_bytes = s->cache.entry;
    a->memory = cache_memory_new(s->cache.size);
    int rc = a->memory ? cache_derive(secret_key, a->hash_key) : -ENOMEM;
    if (rc < 0)
        answer_cache_free(a);
    else
        *ret = a;
    return rc;
}

void answer_cache_free(struct answer_cache *a)
{
    if (!a)
        return;
    cache_memory_free(a->memory);
    secret_wipe(a->hash_key, sizeof(a->hash_key));
    free(a);
}

struct cache_memory *answer_cache_memory(const struct answer_cache *a)
{
    return a->memory;
}

struct cache *answer_cache_open(struct answer_cache *a)
{
    const struct cache_options options = {
        .store = cache_memory_store(a->memory),
        .memory = a->memory,
        .hash_key = secret_of(slice_of((const char *)a->hash_key, sizeof(a->hash_key))),
        .entry_bytes = a->entry_bytes,
    };

    return cache_new(&options);
}
