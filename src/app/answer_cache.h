/* answer_cache.h: the answers that are kept: what the process has of it, and what each worker. */

#pragma once

#include "app/settings.h"

struct answer_cache; /* the process's */
struct cache;        /* service/cache.h: a worker's */
struct cache_memory;

/* -ENOMEM, -EIO. */
int answer_cache_new(const struct settings *s, struct secret secret_key, struct answer_cache **ret);
/* When the workers have ended. NULL is harmless. */
void answer_cache_free(struct answer_cache *a);
/* What it takes, and what has come of it. */
struct cache_memory *answer_cache_memory(const struct answer_cache *a);

/* For a worker, which frees it by cache_free. NULL: out of memory. */
struct cache *answer_cache_open(struct answer_cache *a);
