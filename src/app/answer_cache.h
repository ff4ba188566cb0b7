/* answer_cache.h: the answers that are kept: what the process has of it, and what each worker. */

#pragma once

#include "app/settings.h"

struct answer_cache; /* the process's */
struct loop;
struct tls_client;
struct cache; /* service/cache.h: a worker's */
struct cache_memory;

/* In memory, or in Redis when that is the limiter. s: outlives it. -ENOMEM, -EIO. */
int answer_cache_new(const struct settings *s, struct secret secret_key, struct answer_cache **ret);
/* When the workers have ended. NULL is harmless. */
void answer_cache_free(struct answer_cache *a);
/* What it takes, and what has come of it. */
struct cache_memory *answer_cache_memory(const struct answer_cache *a);

/* For a worker, which frees it by cache_free; with Redis it has a connection of its own. tls: for
 * rediss://. -ENOMEM, -EINVAL: the URL. */
int answer_cache_join(struct answer_cache *a, struct loop *loop, struct tls_client *tls,
                      struct cache **ret);
