/* cache_room.h: the bytes that kept answers may take in this process, counted exactly: what is
 * stored, what is still being handed out although it was dropped, and what is being written down.
 * Any thread. */

#pragma once

#include "base/base.h"

#include <stdatomic.h>

struct cache_room {
    atomic_size_t used;
    size_t most;
};

/* False: there is no room for n more bytes; nothing was taken. */
static inline bool cache_room_take(struct cache_room *r, size_t n)
{
    size_t used = atomic_load_explicit(&r->used, memory_order_relaxed);

    do {
        if (n > r->most || used > r->most - n)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&r->used, &used, used + n, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

static inline void cache_room_give(struct cache_room *r, size_t n)
{
    atomic_fetch_sub_explicit(&r->used, n, memory_order_relaxed);
}
