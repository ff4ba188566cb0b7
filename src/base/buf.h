/* buf.h: a growing byte buffer that cannot be made without a maximum.
 *
 * Owns its memory (malloc). Once an append failed, the buffer stays as it was before it and
 * buf.rc keeps the first error, so a run of appends may be checked once at its end. */

#pragma once

#include "base/slice.h"

struct buf {
    char *at;
    size_t len, cap;
    size_t max; /* most bytes it may hold; > 0 */
    int rc;     /* OK, -ENOMEM or -EMSGSIZE (over max) */
};

void buf_init(struct buf *b, size_t max);
/* Frees the memory; the buffer is empty and usable again with the same max. */
void buf_free(struct buf *b);
/* Keeps the memory, empties the buffer, forgets rc. */
void buf_reset(struct buf *b);
/* Room for n more bytes from at + len on; who writes there adds to len. OK, -ENOMEM, -EMSGSIZE. */
int buf_reserve(struct buf *b, size_t n);
int buf_add(struct buf *b, struct slice s);
int buf_add_char(struct buf *b, char c);
int buf_add_u64(struct buf *b, uint64_t n);
int buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Appends s as the inside of a JSON string: escapes ", \, controls; invalid UTF-8 becomes U+FFFD.
 */
int buf_add_json(struct buf *b, struct slice s);
/* Drops the first n bytes. */
void buf_consume(struct buf *b, size_t n);

static inline struct slice buf_slice(const struct buf *b)
{
    return (struct slice){b->at, b->len};
}
