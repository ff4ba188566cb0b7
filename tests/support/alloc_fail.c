/* alloc_fail.c: the wrapped allocator behind alloc_fail.h. */

#include "support/alloc_fail.h"

#include <stddef.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__real_realloc(void *at, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *at, size_t n);

static _Thread_local unsigned countdown;
static _Thread_local bool hit;

void alloc_fail_at(unsigned n)
{
    countdown = n;
    hit = false;
}

bool alloc_fail_hit(void)
{
    bool was = hit;

    countdown = 0;
    hit = false;
    return was;
}

static bool fails_now(void)
{
    if (countdown == 0 || --countdown > 0)
        return false;
    hit = true;
    return true;
}

void *__wrap_malloc(size_t n)
{
    return fails_now() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t count, size_t n)
{
    return fails_now() ? NULL : __real_calloc(count, n);
}

void *__wrap_realloc(void *at, size_t n)
{
    return fails_now() ? NULL : __real_realloc(at, n);
}
