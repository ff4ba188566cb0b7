/* row_coder.c: see row_coder.h. */

#include "service/row_coder.h"

#include <errno.h>

enum { TEXT_MOST = 1 << 20, TARGETS_MOST = 1 << 16 };

/* --- members --- */

static void write_u64(struct row_coder *c, uint64_t n)
{
    char bytes[10];
    size_t len = 0;

    do {
        bytes[len++] = (char)((n & 0x7f) | (n > 0x7f ? 0x80 : 0));
        n >>= 7;
    } while (n);
    c->rc = buf_add(c->out, slice_of(bytes, len));
}

static void read_u64(struct row_coder *c, uint64_t *ret)
{
    unsigned char byte = 0x80;

    *ret = 0;
    for (unsigned shift = 0; c->rc == OK && (byte & 0x80); shift += 7) {
        c->rc = shift < 64 ? c->in->read(c->in, &byte, 1) : -EBADMSG;
        if (c->rc == OK)
            *ret |= (uint64_t)(byte & 0x7f) << shift;
    }
}

void row_code_u64(struct row_coder *c, uint64_t *n)
{
    if (c->rc < 0)
        return;
    if (c->out)
        write_u64(c, *n);
    else
        read_u64(c, n);
}

static void code_i64(struct row_coder *c, int64_t *n)
{
    uint64_t bits = (uint64_t)*n;

    row_code_u64(c, &bits);
    *n = (int64_t)bits;
}

void row_code_bool(struct row_coder *c, bool *b)
{
    uint64_t n = *b;

    row_code_u64(c, &n);
    *b = n != 0;
}

void row_code_bytes(struct row_coder *c, void *bytes, size_t n)
{
    if (c->rc < 0)
        return;
    c->rc = c->out ? buf_add(c->out, slice_of(bytes, n)) : c->in->read(c->in, bytes, n);
}

static void code_text(struct row_coder *c, struct slice *text)
{
    uint64_t len = text->len;

    row_code_u64(c, &len);
    if (c->rc == OK && len > TEXT_MOST)
        c->rc = -EBADMSG;
    if (!c->out)
        *text = (struct slice){0};
    if (c->rc < 0 || len == 0)
        return;
    if (!c->out) {
        *text = slice_of(arena_alloc(c->arena, (size_t)len), (size_t)len);
        if (!text->at) {
            *text = (struct slice){0};
            c->rc = -ENOMEM;
            return;
        }
    }
    row_code_bytes(c, (void *)(uintptr_t)text->at, text->len);
}

/* --- rows --- */

void row_code_provider(struct row_coder *c, struct provider_row *row)
{
    code_text(c, &row->name);
    code_text(c, &row->type);
    code_text(c, &row->base_url);
    code_text(c, &row->sealed_key);
    row_code_bool(c, &row->from_file);
}

static void code_target(struct row_coder *c, struct target_row *row)
{
    code_text(c, &row->provider);
    code_text(c, &row->upstream_model);
    code_text(c, &row->endpoint);
    code_text(c, &row->sealed_key);
}

static void code_targets(struct row_coder *c, struct model_row *row)
{
    uint64_t n = row->targets_len;

    row_code_u64(c, &n);
    if (c->rc == OK && n > TARGETS_MOST)
        c->rc = -EBADMSG;
    if (!c->out) {
        row->targets = NULL;
        row->targets_len = 0;
    }
    if (c->rc < 0 || n == 0)
        return;
    struct target_row *rows = (struct target_row *)(uintptr_t)row->targets;
    if (!c->out) {
        rows = arena_new_array(c->arena, struct target_row, (size_t)n);
        c->rc = rows ? OK : -ENOMEM;
    }
    for (size_t i = 0; c->rc == OK && i < n; i++)
        code_target(c, &rows[i]);
    row->targets = rows;
    row->targets_len = rows ? (size_t)n : 0;
}

void row_code_model(struct row_coder *c, struct model_row *row)
{
    uint64_t retries = row->retries;

    code_text(c, &row->name);
    code_text(c, &row->provider);
    code_text(c, &row->upstream_model);
    code_text(c, &row->endpoint);
    code_text(c, &row->sealed_key);
    row_code_u64(c, &row->timeout_ms);
    row_code_u64(c, &retries);
    row->retries = (unsigned)retries;
    code_text(c, &row->fallback);
    code_text(c, &row->fallback_on);
    row_code_u64(c, &row->keepalive_ms);
    row_code_bool(c, &row->rescue);
    row_code_u64(c, &row->max_tokens);
    row_code_u64(c, &row->context_window);
    code_text(c, &row->modalities);
    row_code_u64(c, &row->cache_ms);
    row_code_bool(c, &row->cache_shared);
    row_code_u64(c, &row->created_wall_us);
    row_code_bool(c, &row->from_file);
    code_targets(c, row);
}

void row_code_key(struct row_coder *c, struct key_row *row)
{
    row_code_bytes(c, row->hash, sizeof(row->hash));
    code_i64(c, &row->id);
    code_i64(c, &row->user_id);
    code_text(c, &row->user_name);
    code_text(c, &row->name);
    row_code_bool(c, &row->admin);
    row_code_u64(c, &row->rpm);
    row_code_u64(c, &row->tpm);
    row_code_u64(c, &row->concurrency);
    code_text(c, &row->models);
    code_text(c, &row->model_limits);
    row_code_u64(c, &row->expires_wall_us);
}
