/* cache.c: see cache.h. */

#include "service/cache.h"

#include "io/crypto.h"
#include "router/registry.h"
#include "service/cache_memory.h"

#include <errno.h>
#include <stdlib.h>

struct cache {
    struct cache_options options;
    struct hmac *hmac;
};

int cache_derive(struct secret secret_key, unsigned char ret[CACHE_HASH_LEN])
{
    _Static_assert((int)CACHE_HASH_LEN == (int)SHA256_LEN, "the key is a SHA-256");
    return crypto_derive(secret_key, SLICE("courier: kept answers, 1"), ret);
}

struct cache *cache_new(const struct cache_options *options)
{
    struct cache *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->options = *options;
    c->options.hash_key = (struct secret){0};
    c->hmac = hmac_new(options->hash_key);
    if (!c->hmac) {
        free(c);
        return NULL;
    }
    return c;
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    struct cache_store *store = c->options.store;
    if (store->methods->close)
        store->methods->close(store);
    hmac_free(c->hmac);
    free(c);
}

const struct cache_options *cache_options(const struct cache *c)
{
    return &c->options;
}

static void count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* Each part is hashed alone, so that no two lists of parts are one text. */
int cache_key_make(struct cache *c, const struct registry_model *model,
                   const struct principal *asker, struct slice identity, struct cache_key *ret)
{
    struct parts {
        unsigned char identity[SHA256_LEN], definition[SHA256_LEN];
        int64_t key_id;
        uint64_t is_shared;
    } parts;

    _Static_assert((int)CACHE_KEY_LEN == (int)SHA256_LEN, "a key is a SHA-256");
    _Static_assert(sizeof(parts) == 2 * SHA256_LEN + 16, "there are no bytes between the parts");
    if (hmac_sign(c->hmac, identity, parts.identity) < 0 ||
        hmac_sign(c->hmac, model->definition, parts.definition) < 0)
        return -EIO;
    parts.key_id = model->cache_shared ? 0 : asker->key_id;
    parts.is_shared = model->cache_shared;
    return hmac_sign(c->hmac, slice_of((const char *)&parts, sizeof(parts)), ret->bytes);
}

int cache_fetch(struct cache *c, const struct cache_key *key, struct cache_fetch *f)
{
    struct cache_store *store = c->options.store;
    int rc = store->methods->fetch(store, key, f);

    if (rc != AGAIN)
        cache_count_fetch(c, rc);
    return rc;
}

void cache_fetch_cancel(struct cache *c, struct cache_fetch *f)
{
    c->options.store->methods->cancel(c->options.store, f);
}

void cache_count_fetch(struct cache *c, int rc)
{
    struct cache_counters *counters = cache_memory_counters(c->options.memory);

    count(rc == OK ? &counters->hits : rc == -ENOENT ? &counters->misses : &counters->unanswered);
}

void cache_keep(struct cache *c, const struct cache_key *key, const struct cache_answer *answer,
                uint64_t ttl_ms)
{
    struct cache_store *store = c->options.store;
    int rc = store->methods->keep(store, key, answer, ttl_ms);

    struct cache_counters *counters = cache_memory_counters(c->options.memory);
    count(rc == OK ? &counters->stores : &counters->refused);
}
