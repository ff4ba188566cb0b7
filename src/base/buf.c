/* buf.c: appends that either happen whole or not at all. */

#include "base/buf.h"

#include "base/escape.h"
#include "base/fmt.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUF_FIRST = 256 };

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_free(struct buf *b)
{
    free(b->at);
    buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->rc = OK;
}

static int buf_fail(struct buf *b, int rc)
{
    b->rc = rc;
    return rc;
}

int buf_reserve(struct buf *b, size_t n)
{
    if (b->rc < 0)
        return b->rc;
    if (LIKELY(n <= b->cap - b->len))
        return OK;
    if (n > b->max || b->len > b->max - n)
        return buf_fail(b, -EMSGSIZE);
    size_t cap = MAX(b->cap, (size_t)BUF_FIRST);
    while (cap < b->len + n)
        cap = cap > b->max / 2 ? b->max : cap * 2;
    cap = MIN(cap, b->max);
    char *at = realloc(b->at, cap + 1); /* buf_printf's NUL */
    if (!at)
        return buf_fail(b, -ENOMEM);
    b->at = at;
    b->cap = cap;
    return OK;
}

int buf_add(struct buf *b, struct slice s)
{
    int rc = buf_reserve(b, s.len);

    if (rc < 0 || s.len == 0)
        return rc;
    memcpy(b->at + b->len, s.at, s.len);
    b->len += s.len;
    return OK;
}

int buf_add_char(struct buf *b, char c)
{
    return buf_add(b, slice_of(&c, 1));
}

int buf_add_u64(struct buf *b, uint64_t n)
{
    char text[20];

    return buf_add(b, slice_of(text, fmt_u64(text, n)));
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    int rc = n < 0 ? -EINVAL : buf_reserve(b, (size_t)n);
    if (rc < 0 || n == 0)
        return rc;
    va_start(args, fmt);
    vsnprintf(b->at + b->len, (size_t)n + 1, fmt, args);
    va_end(args);
    b->len += (size_t)n;
    return OK;
}

int buf_add_json(struct buf *b, struct slice s)
{
    size_t before = b->len;
    int rc = buf_reserve(b, s.len);

    while (rc == OK && s.len) {
        b->len += escape_json(b->at + b->len, b->cap - b->len, &s);
        if (s.len) /* escapes took the room: one byte more than there is makes it grow */
            rc = buf_reserve(b, b->cap - b->len + 1);
    }
    if (rc < 0)
        b->len = before;
    return rc;
}

void buf_consume(struct buf *b, size_t n)
{
    b->len -= n;
    if (b->len)
        memmove(b->at, b->at + n, b->len);
}
