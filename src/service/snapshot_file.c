/* snapshot_file.c: see snapshot_file.h.
 *
 *     format | version | time | hash key | providers: n, rows | models: n, rows | keys: n, rows */

#include "service/snapshot_file.h"

#include "service/key_gathering.h"
#include "service/row_coder.h"

#include <errno.h>

/* Moves with every change of what is written. */
enum { SNAPSHOT_FORMAT = 2 };
enum { ROW_MOST = 4 << 20, ENTRIES_MOST = 1 << 30, COUNT_MOST = 1 << 24 };

/* --- writing --- */

int snapshot_file_pack(const struct entries *e, struct buf *ret)
{
    struct row_coder c = {.out = ret};
    uint64_t providers = e->providers_len, models = e->models_len;

    buf_init(ret, ENTRIES_MOST);
    row_code_u64(&c, &providers);
    for (size_t i = 0; i < e->providers_len; i++)
        row_code_provider(&c, &e->providers[i]);
    row_code_u64(&c, &models);
    for (size_t i = 0; i < e->models_len; i++)
        row_code_model(&c, &e->models[i]);
    if (c.rc < 0)
        buf_free(ret);
    return c.rc;
}

static struct key_row row_of(const struct principal *p, const unsigned char *hash)
{
    struct key_row row = {.id = p->key_id,
                          .user_id = p->user_id,
                          .user_name = p->user_name,
                          .name = p->key_name,
                          .admin = p->admin,
                          .rpm = p->rpm,
                          .tpm = p->tpm,
                          .concurrency = p->concurrency,
                          .models = p->models,
                          .model_limits = p->model_limits,
                          .expires_wall_us = p->expires_wall_us};

    memcpy(row.hash, hash, sizeof(row.hash));
    return row;
}

static int write_keys(struct sealed_writer *w, struct row_coder *c, const struct key_table *keys)
{
    uint64_t n = key_table_len(keys);
    struct key_place at = {0};
    const unsigned char *hash;
    const struct principal *p;

    row_code_u64(c, &n);
    while (c->rc == OK && (p = key_table_next(keys, &at, &hash))) {
        struct key_row row = row_of(p, hash);
        row_code_key(c, &row);
        sealed_write(w, buf_slice(c->out));
        buf_reset(c->out);
    }
    sealed_write(w, buf_slice(c->out));
    return c->rc;
}

int snapshot_file_write(const char *path, const struct sealed_key *key, struct snapshot_stamp stamp,
                        struct slice entries, const struct key_table *keys)
{
    uint64_t format = SNAPSHOT_FORMAT;
    struct sealed_writer *w;
    struct buf row;
    struct row_coder c = {.out = &row};
    int rc = sealed_writer_open(path, key, &w);

    if (rc < 0)
        return rc;
    buf_init(&row, ROW_MOST);
    row_code_u64(&c, &format);
    row_code_u64(&c, &stamp.version);
    row_code_u64(&c, &stamp.true_wall_us);
    row_code_bytes(&c, stamp.hash_key, sizeof(stamp.hash_key));
    sealed_write(w, buf_slice(&row));
    sealed_write(w, entries);
    buf_reset(&row);
    rc = sealed_writer_end_take(w, c.rc < 0 ? c.rc : write_keys(w, &c, keys));
    buf_free(&row);
    return rc;
}

/* --- reading --- */

/* How many rows follow. */
static size_t read_count(struct row_coder *c)
{
    uint64_t n = 0;

    row_code_u64(c, &n);
    if (c->rc == OK && n > COUNT_MOST)
        c->rc = -EBADMSG;
    return c->rc == OK ? (size_t)n : 0;
}

static void read_stamp(struct row_coder *c, struct snapshot_stamp *ret)
{
    uint64_t format = 0;

    row_code_u64(c, &format);
    if (c->rc == OK && format != SNAPSHOT_FORMAT)
        c->rc = -EBADMSG;
    row_code_u64(c, &ret->version);
    row_code_u64(c, &ret->true_wall_us);
    row_code_bytes(c, ret->hash_key, sizeof(ret->hash_key));
}

static void read_providers(struct row_coder *c, struct entries *e)
{
    size_t n = read_count(c);

    e->providers = arena_new_array(c->arena, struct provider_row, n);
    if (!e->providers)
        c->rc = -ENOMEM;
    while (c->rc == OK && e->providers_len < n)
        row_code_provider(c, &e->providers[e->providers_len++]);
}

static void read_models(struct row_coder *c, struct entries *e)
{
    size_t n = read_count(c);

    e->models = arena_new_array(c->arena, struct model_row, n);
    if (!e->models)
        c->rc = -ENOMEM;
    while (c->rc == OK && e->models_len < n)
        row_code_model(c, &e->models[e->models_len++]);
}

static int read_key(struct row_coder *c, struct key_gathering *g)
{
    _Alignas(16) char lent[2048];
    struct key_row row = {.id = 0};
    struct arena arena;

    arena_init_with(&arena, 0, lent, sizeof(lent));
    c->arena = &arena;
    row_code_key(c, &row);
    int rc = c->rc < 0 ? c->rc : key_gathering_add(g, &row);
    arena_clear(&arena);
    return rc;
}

static int read_keys(struct row_coder *c, struct sealed_reader *r, struct key_table **ret)
{
    struct key_gathering *g = key_gathering_new();
    uint64_t n = 0;

    if (!g)
        return -ENOMEM;
    row_code_u64(c, &n);
    int rc = c->rc;
    for (uint64_t i = 0; rc == OK && i < n; i++)
        rc = read_key(c, g);
    if (rc == OK)
        rc = sealed_reader_at_end(r);
    if (rc == OK)
        rc = key_table_change(NULL, g, ret);
    key_gathering_free(g);
    return rc;
}

struct file_source {
    struct row_source base;
    struct sealed_reader *reader;
};

static int file_read(struct row_source *base, void *ret, size_t n)
{
    return sealed_read(container_of(base, struct file_source, base)->reader, ret, n);
}

int snapshot_file_read(const char *path, const struct sealed_key *key,
                       struct snapshot_stamp *ret_stamp, struct entries *e,
                       struct key_table **ret_keys)
{
    struct file_source source = {.base = {file_read}};
    struct row_coder c = {.in = &source.base, .arena = &e->arena};
    int rc = sealed_reader_open(path, key, &source.reader);

    *ret_keys = NULL;
    *ret_stamp = (struct snapshot_stamp){0};
    if (rc < 0)
        return rc;
    read_stamp(&c, ret_stamp);
    if (c.rc == OK)
        read_providers(&c, e);
    if (c.rc == OK)
        read_models(&c, e);
    rc = c.rc < 0 ? c.rc : read_keys(&c, source.reader, ret_keys);
    sealed_reader_close(source.reader);
    return rc;
}
