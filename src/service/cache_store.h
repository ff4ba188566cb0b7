/* cache_store.h: where answers are kept: in this process (cache_memory.h), or where all instances
 * find them. What is not found in time was not there: a store never makes a call fail. */

#pragma once

#include "service/cache_entry.h"

enum { CACHE_KEY_LEN = 32 };

/* The keyed hash of everything that an answer depends on. */
struct cache_key {
    unsigned char bytes[CACHE_KEY_LEN];
};

/* A question for an answer, embedded in its asker. */
struct cache_fetch {
    struct op op;
    struct cache_entry *entry; /* the answer, held for the asker; NULL: none */
    void *ticket;              /* the store's, while it waits */
};

struct cache_store;

struct cache_store_methods {
    /* As the rule for waiting says; with OK f->entry is set. -ENOENT: there is none; anything else:
     * it cannot be told. */
    int (*fetch)(struct cache_store *s, const struct cache_key *key, struct cache_fetch *f);
    /* Of one that waits. */
    void (*cancel)(struct cache_store *s, struct cache_fetch *f);
    /* Replaces what was there. OK: it is kept, or on its way; -ENOSPC, -ENOMEM, others: it is not.
     * The answer is copied during the call. */
    int (*keep)(struct cache_store *s, const struct cache_key *key,
                const struct cache_answer *answer, uint64_t ttl_ms);
    /* Of a store that belongs to one worker: frees it; nothing waits any more. NULL: it is shared.
     */
    void (*close)(struct cache_store *s);
};

struct cache_store {
    const struct cache_store_methods *methods;
};
