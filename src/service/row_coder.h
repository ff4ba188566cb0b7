/* row_coder.h: rows as bytes and back, each kind by one description for both ways.
 *
 * Numbers are LEB128, texts their length and bytes. Nothing stands between the members: whoever
 * changes a row's description changes SNAPSHOT_FORMAT (snapshot_file.c). Private to the services.
 */

#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "model/rows.h"

/* Where rows are read from: exactly n bytes, or -errno. */
struct row_source {
    int (*read)(struct row_source *s, void *ret, size_t n);
};

/* Writes to out, or reads from in with text in the arena. The first failure stays in rc: -ENOMEM,
 * -EMSGSIZE (out is full), -EBADMSG (what is read is no row), or the source's. */
struct row_coder {
    struct buf *out; /* NULL: reads */
    struct row_source *in;
    struct arena *arena;
    int rc;
};

void row_code_u64(struct row_coder *c, uint64_t *n);
void row_code_bool(struct row_coder *c, bool *b);
/* Exactly n bytes. */
void row_code_bytes(struct row_coder *c, void *bytes, size_t n);
void row_code_provider(struct row_coder *c, struct provider_row *row);
/* With its targets. */
void row_code_model(struct row_coder *c, struct model_row *row);
/* What key tables are made from; the rest of the row is 0. */
void row_code_key(struct row_coder *c, struct key_row *row);
