/* model_repo.c: see model_repo.h. */

#include "repository/model_repo.h"

#include "repository/columns.h"

static const char list_all[] =
    "SELECT name, provider, upstream_model, endpoint, sealed_key, timeout_ms, retries, fallback, "
    "created_at, from_file FROM models ORDER BY name";
static const char put[] =
    "INSERT INTO models (name, provider, upstream_model, endpoint, sealed_key, timeout_ms, "
    "retries, fallback, created_at, from_file) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
    "ON CONFLICT (name) DO UPDATE SET provider = excluded.provider, "
    "upstream_model = excluded.upstream_model, endpoint = excluded.endpoint, "
    "sealed_key = excluded.sealed_key, timeout_ms = excluded.timeout_ms, "
    "retries = excluded.retries, fallback = excluded.fallback, from_file = excluded.from_file";
static const char mark[] = "UPDATE models SET from_file = 2 WHERE from_file = 1";
static const char drop_marked[] = "DELETE FROM models WHERE from_file = 2";

static void read_model(struct columns *c, void *to)
{
    struct model_row *row = to;

    row->name = columns_text(c);
    row->provider = columns_text(c);
    row->upstream_model = columns_text(c);
    row->endpoint = columns_text(c);
    row->sealed_key = columns_bytes(c);
    row->timeout_ms = columns_u64(c);
    row->retries = (unsigned)columns_u64(c);
    row->fallback = columns_text(c);
    row->created_wall_us = columns_time(c);
    row->from_file = columns_bool(c);
}

int model_repo_list(struct db *db, struct arena *a, struct model_row **ret, size_t *ret_len)
{
    struct row_list list = {.a = a, .row_size = sizeof(struct model_row)};
    struct db_statement *s;
    int rc = db_prepare(db, list_all, &s);

    if (rc == OK)
        rc = row_list_fill(&list, s, read_model);
    *ret = (struct model_row *)(void *)list.at;
    *ret_len = list.len;
    return rc;
}

int model_repo_put(struct db *db, const struct model_row *row)
{
    char created[TIME_TEXT];
    struct db_statement *s;
    int rc = db_prepare(db, put, &s);

    if (rc < 0)
        return rc;
    db_bind_text(s, 1, row->name);
    db_bind_text(s, 2, row->provider);
    db_bind_text(s, 3, row->upstream_model);
    db_bind_text(s, 4, row->endpoint);
    bind_bytes_or_null(s, 5, row->sealed_key);
    db_bind_u64(s, 6, row->timeout_ms);
    db_bind_i64(s, 7, row->retries);
    db_bind_text(s, 8, row->fallback);
    bind_time(s, 9, row->created_wall_us, created);
    db_bind_i64(s, 10, row->from_file);
    return db_run(s);
}

int model_repo_mark_from_file(struct db *db)
{
    return db_exec(db, mark);
}

int model_repo_drop_marked(struct db *db)
{
    return db_exec(db, drop_marked);
}
