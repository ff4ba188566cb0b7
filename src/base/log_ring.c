/* log_ring.c: see log_ring.h. */

#include "base/log_ring.h"

#include <stdlib.h>

struct log_ring *log_ring_new(size_t cap, unsigned run)
{
    size_t size = sizeof(struct log_ring) + cap;
    struct log_ring *r = aligned_alloc(64, (size + 63) & ~(size_t)63);

    if (!r)
        return NULL;
    memset(r, 0, sizeof(*r));
    r->cap = cap;
    r->run = run;
    atomic_init(&r->holders, 2);
    return r;
}

void log_ring_release(struct log_ring *r)
{
    if (atomic_fetch_sub(&r->holders, 1) == 1)
        free(r);
}

bool log_ring_is_orphan(struct log_ring *r)
{
    return atomic_load(&r->holders) == 1;
}

enum log_ring_put log_ring_put(struct log_ring *r, struct slice line)
{
    size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    size_t used = head - atomic_load_explicit(&r->tail, memory_order_acquire);

    if (line.len > r->cap - used) {
        atomic_fetch_add_explicit(&r->dropped, 1, memory_order_relaxed);
        return LOG_RING_DROPPED;
    }
    size_t at = head & (r->cap - 1), first = MIN(line.len, r->cap - at);
    memcpy(r->bytes + at, line.at, first);
    memcpy(r->bytes, line.at + first, line.len - first);
    /* sequentially consistent: the producer looks next whether the log thread sleeps */
    atomic_store(&r->head, head + line.len);
    return used < r->cap / 2 && used + line.len >= r->cap / 2 ? LOG_RING_HALF_FULL : LOG_RING_KEPT;
}

int log_ring_peek(struct log_ring *r, struct iovec ret[2])
{
    size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    size_t used = atomic_load(&r->head) - tail;
    size_t at = tail & (r->cap - 1), first = MIN(used, r->cap - at);

    ret[0] = (struct iovec){r->bytes + at, first};
    ret[1] = (struct iovec){r->bytes, used - first};
    return used == 0 ? 0 : used == first ? 1 : 2;
}

void log_ring_skip(struct log_ring *r, size_t n)
{
    size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

    atomic_store_explicit(&r->tail, tail + n, memory_order_release);
}
