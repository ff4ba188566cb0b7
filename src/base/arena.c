/* arena.c: blocks that grow, big allocations beside them, and the list of what to give back.
 *
 * The newest block that is bumped is the head of the list. An allocation too big for it gets a
 * block of its own right behind the head, so that the rest of the head is not lost. */

#include "base/arena.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct arena_block {
    struct arena_block *older;
    size_t size; /* with this header; 0: holds one big allocation and is not bumped */
};

struct arena_defer {
    struct arena_defer *older;
    void (*fn)(void *arg);
    void *arg;
};

/* Sizes stay under malloc's next size class. The first block is small: thousands of idle streams
 * hold one each. */
enum {
    MALLOC_OVERHEAD = 16,
    BLOCK_FIRST = 2048 - MALLOC_OVERHEAD,
    BLOCK_MAX = 32768 - MALLOC_OVERHEAD,
    BLOCK_GROWTH = 4,
    ALIGNMENT = 16,
};

_Static_assert(sizeof(struct arena_block) % ALIGNMENT == 0, "memory behind the header is aligned");

void arena_init(struct arena *a, size_t limit)
{
    *a = (struct arena){.limit = limit};
}

void arena_init_with(struct arena *a, size_t limit, void *at, size_t n)
{
    *a = (struct arena){.next = at, .end = (char *)at + n, .limit = limit};
}

static bool arena_may_take(const struct arena *a, size_t n)
{
    return a->limit == 0 || (a->used <= a->limit && n <= a->limit - a->used);
}

/* A block of n bytes in all; the caller links it. */
static struct arena_block *arena_take(struct arena *a, size_t n)
{
    struct arena_block *block = arena_may_take(a, n) ? malloc(n) : NULL;

    if (block)
        a->used += n;
    return block;
}

static void *arena_alloc_big(struct arena *a, size_t n)
{
    struct arena_block *block = arena_take(a, sizeof(*block) + n);

    if (!block)
        return NULL;
    struct arena_block **link = a->blocks ? &a->blocks->older : &a->blocks;
    block->size = 0;
    block->older = *link;
    *link = block;
    return block + 1;
}

static size_t arena_next_size(const struct arena *a)
{
    if (!a->blocks || a->blocks->size == 0)
        return BLOCK_FIRST;
    size_t grown = (a->blocks->size + MALLOC_OVERHEAD) * BLOCK_GROWTH - MALLOC_OVERHEAD;
    return MIN(grown, (size_t)BLOCK_MAX);
}

void *arena_alloc_slow(struct arena *a, size_t n)
{
    if (n > SIZE_MAX / 2)
        return NULL;
    n = n ? (n + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1) : ALIGNMENT;

    if ((size_t)(a->end - a->next) < n) {
        size_t size = arena_next_size(a);
        if (n > size / 2 || !arena_may_take(a, size))
            return arena_alloc_big(a, n);
        struct arena_block *block = arena_take(a, size);
        if (!block)
            return NULL;
        *block = (struct arena_block){a->blocks, size};
        a->blocks = block;
        a->next = (char *)(block + 1);
        a->end = (char *)block + size;
    }
    void *at = a->next;
    a->next += n;
    return at;
}

void *arena_zalloc(struct arena *a, size_t n)
{
    void *at = arena_alloc(a, n);

    if (at)
        memset(at, 0, n);
    return at;
}

void *arena_zalloc_array(struct arena *a, size_t count, size_t size)
{
    size_t n;

    return __builtin_mul_overflow(count, size, &n) ? NULL : arena_zalloc(a, n);
}

struct slice arena_copy(struct arena *a, struct slice s)
{
    char *at = arena_alloc(a, s.len + 1);

    if (!at)
        return (struct slice){0};
    if (s.len)
        memcpy(at, s.at, s.len);
    at[s.len] = '\0';
    return (struct slice){at, s.len};
}

struct slice arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *at = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (!at)
        return (struct slice){0};
    va_start(args, fmt);
    vsnprintf(at, (size_t)n + 1, fmt, args);
    va_end(args);
    return (struct slice){at, (size_t)n};
}

int arena_defer(struct arena *a, void (*fn)(void *arg), void *arg)
{
    struct arena_defer *d = arena_alloc(a, sizeof(*d));

    if (!d)
        return -ENOMEM;
    *d = (struct arena_defer){a->defers, fn, arg};
    a->defers = d;
    return OK;
}

void arena_undefer(struct arena *a, void (*fn)(void *arg), void *arg)
{
    for (struct arena_defer **link = &a->defers; *link; link = &(*link)->older) {
        if ((*link)->fn == fn && (*link)->arg == arg) {
            *link = (*link)->older;
            return;
        }
    }
}

void arena_clear(struct arena *a)
{
    while (a->defers) {
        struct arena_defer *d = a->defers;
        a->defers = d->older; /* first, so that fn may undefer or defer */
        d->fn(d->arg);
    }
    while (a->blocks) {
        struct arena_block *block = a->blocks;
        a->blocks = block->older;
        free(block);
    }
    arena_init(a, a->limit);
}
