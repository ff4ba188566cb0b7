/* answer_cache.h: the answers that are kept: what the process has of it, and what each worker. */

#pragma once

#include "app/settings.h"

struct answer_cache; /* the process's */
struct cache;        /* service/cache.h: a worker's */

/* Since the start, of all workers; bytes and entries are those of now. */
struct answer_cache_state {
    uint64_t hits, misses, stores, too_large, failures, evictions;
    size_t bytes, entries;
};

/* -ENOMEM, -EIO. */
int answer_cache_new(const struct settings *s, struct secret secret_key, struct answer_cache **ret);
/* When the workers have ended. NULL is harmless. */
void answer_cache_free(struct answer_cache *a);
/* Any thread. */
void answer_cache_state(struct answer_cache *a, struct answer_cache_state *ret);

/* For a worker, which frees it by cache_free. NULL: out of memory. */
struct cache *answer_cache_open(struct answer_cache *a);
