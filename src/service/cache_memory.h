/* cache_memory.h: answers kept in this process: sharded, shared by all workers, within one bound.
 *
 * The bound holds at every moment and for everything: tables, entries, entries that were dropped
 * while they are still handed out, and answers that are being written down (cache_tee.h). When it
 * is reached the longest unused make room, shard by shard. Thread-safe. */

#pragma once

#include "service/cache_store.h"

struct cache_memory;
struct cache_room;

enum { CACHE_MEMORY_LEAST = 64 * 1024 };

/* What has come of calls and answers, of all workers. */
struct cache_counters {
    /* what was looked up: there, not there, not told in time */
    _Atomic uint64_t hits, misses, unanswered;
    /* good answers: kept, not for their size, not for want of room or because the store is away */
    _Atomic uint64_t stores, too_large, refused;
};

struct cache_memory_state {
    size_t bytes, most, entries;
    uint64_t evictions; /* to make room; what was too old is not counted */
};

/* most: bytes, at least CACHE_MEMORY_LEAST. NULL: out of memory. */
struct cache_memory *cache_memory_new(size_t most);
/* Whatever was held of it has been dropped. */
void cache_memory_free(struct cache_memory *m);
/* As a store. */
struct cache_store *cache_memory_store(struct cache_memory *m);
/* Makes room for n bytes and takes it; cache_room_give gives it back. False: there is none. */
bool cache_memory_take(struct cache_memory *m, size_t n);
struct cache_room *cache_memory_room(struct cache_memory *m);
struct cache_counters *cache_memory_counters(struct cache_memory *m);
void cache_memory_state(struct cache_memory *m, struct cache_memory_state *ret);

/* The store's methods with the time told; now_ms: monotonic. */
struct cache_entry *cache_memory_get(struct cache_memory *m, const struct cache_key *key,
                                     uint64_t now_ms);
/* -ENOSPC: too much for the bound; -ENOMEM. */
int cache_memory_put(struct cache_memory *m, const struct cache_key *key,
                     const struct cache_answer *answer, uint64_t ttl_ms, uint64_t now_ms);
