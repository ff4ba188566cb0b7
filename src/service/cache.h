/* cache.h: answers that are given again, without asking anyone: what a worker knows of it.
 *
 * A model may have its answers kept for a short time (`cache: 60s`) and given again to exactly the
 * same call. What "the same" is says the caller (wire/call_identity.h); mixed into the key are the
 * model's definition, so that a change of it begins anew, and, unless the model shares, the id of
 * the API key. A key is a hash under the installation's secret: it tells nothing of a prompt, and
 * nobody without the secret can ask whether one is there. docs/caching.md is for readers. */

#pragma once

#include "base/secret.h"
#include "model/principal.h"
#include "service/cache_store.h"

struct cache;
struct cache_memory;
struct registry_model;

/* What a caller wants of it, for one call. */
struct cache_wish {
    struct slice identity; /* what makes two calls the same */
    bool look, keep;       /* may be answered from there; its answer may go there */
};

struct cache_options {
    struct cache_store *store;   /* where they are; closed with the cache */
    struct cache_memory *memory; /* room for answers that are being written down, and counters */
    struct secret hash_key;      /* of cache_derive; copied */
    size_t entry_bytes;          /* the largest answer that is kept */
};

/* The key of the keyed hash, from the installation's secret_key. -EIO. */
enum { CACHE_HASH_LEN = 32 };
int cache_derive(struct secret secret_key, unsigned char ret[CACHE_HASH_LEN]);

/* One for each worker. NULL: out of memory, and the store stays open. */
struct cache *cache_new(const struct cache_options *options);
void cache_free(struct cache *c);
const struct cache_options *cache_options(const struct cache *c);

/* -EIO: it cannot be made, and the call has no place in the cache. */
int cache_key_make(struct cache *c, const struct registry_model *model,
                   const struct principal *asker, struct slice identity, struct cache_key *ret);
/* As cache_store_methods; counts. What waited is counted by cache_count_fetch. */
int cache_fetch(struct cache *c, const struct cache_key *key, struct cache_fetch *f);
void cache_fetch_cancel(struct cache *c, struct cache_fetch *f);
/* Of a fetch that ended with rc. */
void cache_count_fetch(struct cache *c, int rc);
/* Keeps the answer, or not: nobody needs to know. */
void cache_keep(struct cache *c, const struct cache_key *key, const struct cache_answer *answer,
                uint64_t ttl_ms);
