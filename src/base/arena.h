/* arena.h: memory with one lifetime, freed in one place.
 *
 * Small allocations are bumped out of blocks; large ones get a block of their own. Nothing is freed
 * singly. What must be given back when the lifetime ends (a lease, a reference) is registered with
 * arena_defer and runs in reverse order in arena_clear. One thread uses an arena at a time.
 *
 * Blocks come from malloc; the process tunes malloc once at start so that large blocks do not trim
 * and grow the heap on each request (a measured 13-22 page faults a request otherwise). */

#pragma once

#include "base/slice.h"

#include <stdarg.h>

struct arena_block;
struct arena_defer;

struct arena {
    char *next, *end;           /* free bytes of the newest block */
    struct arena_block *blocks; /* newest first */
    struct arena_defer *defers; /* newest first */
    size_t used;                /* bytes taken from malloc */
    size_t limit;               /* most bytes it may take; 0 = none */
};

/* Takes no memory yet. limit: bytes, 0 for none. */
void arena_init(struct arena *a, size_t limit);
/* Begins with n bytes that are lent, 16-byte aligned; they are the lender's again after
 * arena_clear, and do not count against the limit. */
void arena_init_with(struct arena *a, size_t limit, void *at, size_t n);
/* 16-byte aligned, not zeroed. NULL when out of memory or over the limit. n = 0 gives a valid
 * pointer. */
static inline void *arena_alloc(struct arena *a, size_t n);
void *arena_zalloc(struct arena *a, size_t n);
/* count * size zeroed bytes; NULL also when the product overflows. */
void *arena_zalloc_array(struct arena *a, size_t count, size_t size);
/* A zeroed object of the type, or NULL. */
#define arena_new(a, type)          ((type *)arena_zalloc((a), sizeof(type)))
#define arena_new_array(a, type, n) ((type *)arena_zalloc_array((a), (n), sizeof(type)))
/* A copy, NUL-terminated behind its end. .at is NULL when out of memory. */
struct slice arena_copy(struct arena *a, struct slice s);
/* Formatted text, NUL-terminated; .at is NULL when out of memory. */
struct slice arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Runs fn(arg) in arena_clear, newest first. -ENOMEM: not registered. */
int arena_defer(struct arena *a, void (*fn)(void *arg), void *arg) MUST_USE;
/* Takes a registration back (a lease that ended early). No-op when it is not there. */
void arena_undefer(struct arena *a, void (*fn)(void *arg), void *arg);
/* Runs the defers, frees all. The arena is then as after arena_init. Idempotent. */
void arena_clear(struct arena *a);

/* What arena_alloc does when the newest block has no room. */
void *arena_alloc_slow(struct arena *a, size_t n);

static inline void *arena_alloc(struct arena *a, size_t n)
{
    size_t rounded = (n + 15) & ~(size_t)15;

    /* the first test also sends n = 0 and an overflowed n to the slow road */
    if (UNLIKELY(rounded - 1 >= (size_t)(a->end - a->next)))
        return arena_alloc_slow(a, n);
    void *at = a->next;
    a->next += rounded;
    return at;
}
