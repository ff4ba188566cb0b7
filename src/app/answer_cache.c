/* answer_cache.c: see answer_cache.h. */

#include "app/answer_cache.h"

#include "service/cache.h"
#include "service/cache_memory.h"
#include "service/cache_remote.h"

#include <errno.h>
#include <stdlib.h>

struct answer_cache {
    const struct settings *settings;
    struct cache_memory *memory;
    unsigned char hash_key[CACHE_HASH_LEN], seal_key[CACHE_SEAL_LEN];
};

int answer_cache_new(const struct settings *s, struct secret secret_key, struct answer_cache **ret)
{
    struct answer_cache *a = calloc(1, sizeof(*a));

    if (!a)
        return -ENOMEM;
    a->settings = s;
    a->memory = cache_memory_new(s->cache.size);
    int rc = a->memory ? cache_derive(secret_key, a->hash_key) : -ENOMEM;
    if (rc == OK)
        rc = cache_derive_seal(secret_key, a->seal_key);
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
    secret_wipe(a->seal_key, sizeof(a->seal_key));
    free(a);
}

struct cache_memory *answer_cache_memory(const struct answer_cache *a)
{
    return a->memory;
}

static int open_store(const struct answer_cache *a, struct loop *loop, struct tls_client *tls,
                      struct cache_store **ret)
{
    const struct settings *s = a->settings;
    const struct cache_remote_options options = {
        .loop = loop,
        .url = s->limiter.redis,
        .tls = tls,
        .seal_key = a->seal_key,
        .timeout_ms = s->cache.timeout,
        .entry_bytes = s->cache.entry,
    };

    *ret = cache_memory_store(a->memory);
    return secret_is_empty(options.url) ? OK : cache_remote_new(&options, ret);
}

int answer_cache_join(struct answer_cache *a, struct loop *loop, struct tls_client *tls,
                      struct cache **ret)
{
    struct cache_options options = {
        .memory = a->memory,
        .hash_key = secret_of(slice_of((const char *)a->hash_key, sizeof(a->hash_key))),
        .entry_bytes = a->settings->cache.entry,
    };
    int rc = open_store(a, loop, tls, &options.store);

    if (rc < 0)
        return rc;
    *ret = cache_new(&options);
    if (!*ret && options.store->methods->close)
        options.store->methods->close(options.store);
    return *ret ? OK : -ENOMEM;
}
