/* key_repo.c: see key_repo.h. */

#include "repository/key_repo.h"

#include "repository/columns.h"

#include <errno.h>

#define SELECT_KEY                                                                                 \
    "SELECT k.id, k.user_id, u.name, k.name, k.prefix, k.hash, k.is_admin, k.status = 'revoked', " \
    "k.rpm, k.tpm, k.concurrency, k.models, k.expires_at, k.created_at, k.from_file, "             \
    "k.disabled, u.disabled OR u.deleted_at IS NOT NULL, k.model_limits, k.version, "              \
    "k.updated_at, k.last_used_at, k.old_hash, k.old_until, k.changed "                            \
    "FROM api_keys k JOIN users u ON u.id = k.user_id "

enum { PAGE_ROWS = 10000 };

static const char list_all[] = SELECT_KEY "ORDER BY k.id";
/* a page: a driver may hold the whole of an answer */
static const char list_page[] =
    SELECT_KEY "WHERE (k.changed, k.id) > ($1, $2) ORDER BY k.changed, k.id LIMIT $3";
static const char find_by_id[] = SELECT_KEY "WHERE k.id = $1";
static const char page_of[] = SELECT_KEY
    "WHERE k.id > $1 AND ($2 = 0 OR k.user_id = $3) AND ($4 = 0 OR k.name = $5) AND "
    "($6 = 0 OR k.prefix = $7) AND ($8 = 0 OR $9 = CASE WHEN k.status = 'revoked' THEN 'revoked' "
    "WHEN k.disabled OR u.disabled OR u.deleted_at IS NOT NULL THEN 'disabled' "
    "WHEN k.expires_at <= $10 THEN 'expired' ELSE 'active' END) ORDER BY k.id LIMIT $11";
static const char find_by_hash[] = SELECT_KEY "WHERE k.hash = $1";
static const char find_from_file[] = SELECT_KEY "WHERE k.from_file = 1 ORDER BY k.id LIMIT 1";
static const char add[] =
    "INSERT INTO api_keys (name, prefix, hash, is_admin, status, rpm, tpm, concurrency, models, "
    "expires_at, from_file, disabled, model_limits, old_hash, old_until, user_id, created_at) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) "
    "RETURNING id";
static const char update[] =
    "UPDATE api_keys SET name = $1, prefix = $2, hash = $3, is_admin = $4, status = $5, rpm = $6, "
    "tpm = $7, concurrency = $8, models = $9, expires_at = $10, from_file = $11, disabled = $12, "
    "model_limits = $13, old_hash = $14, old_until = $15, updated_at = $16, "
    "version = version + 1 WHERE id = $17";
static const char revoke[] =
    "UPDATE api_keys SET status = 'revoked', version = version + 1, updated_at = $2 "
    "WHERE id = $1 AND status <> 'revoked'";
static const char revoke_all[] =
    "UPDATE api_keys SET status = 'revoked', version = version + 1, updated_at = $2 "
    "WHERE user_id = $1 AND status <> 'revoked'";
static const char has_id[] = "SELECT 1 FROM api_keys WHERE id = $1";
static const char admin_until[] =
    "SELECT k.expires_at FROM api_keys k JOIN users u ON u.id = k.user_id "
    "WHERE k.is_admin AND k.status = 'active' AND NOT k.disabled AND NOT u.disabled "
    "AND u.deleted_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $1) "
    "ORDER BY k.expires_at IS NULL DESC, k.expires_at DESC LIMIT 1";
static const char has_file_key[] =
    "SELECT 1 FROM api_keys WHERE user_id = $1 AND from_file = 1 AND status = 'active'";

/* A hash that is none is all zeros. */
static bool read_hash(struct columns *c, unsigned char ret[32])
{
    struct slice hash = db_column_bytes(c->s, c->next++);

    memset(ret, 0, 32);
    if (hash.len == 32)
        memcpy(ret, hash.at, 32);
    return hash.len == 32;
}

static void read_key(struct columns *c, void *to)
{
    struct key_row *row = to;

    row->id = columns_i64(c);
    row->user_id = columns_i64(c);
    row->user_name = columns_text(c);
    row->name = columns_text(c);
    row->prefix = columns_text(c);
    bool has_hash = read_hash(c, row->hash);
    row->admin = columns_bool(c);
    /* a hash that nobody could have made ends this key and no other */
    row->revoked = columns_bool(c) || !has_hash;
    row->rpm = columns_u64(c);
    row->tpm = columns_u64(c);
    row->concurrency = columns_u64(c);
    row->models = columns_text(c);
    row->expires_wall_us = columns_time(c);
    row->created_wall_us = columns_time(c);
    row->from_file = columns_bool(c);
    row->disabled = columns_bool(c);
    row->user_off = columns_bool(c);
    row->model_limits = columns_text(c);
    row->version = columns_u64(c);
    row->updated_wall_us = columns_time(c);
    row->last_used_wall_us = columns_time(c);
    bool has_old = read_hash(c, row->old_hash);
    row->old_until_wall_us = columns_time(c);
    if (!has_old)
        row->old_until_wall_us = 0;
    row->changed = columns_i64(c);
}

/* The times of a row as text, while its statement runs. */
struct key_times {
    char expires[TIME_TEXT], old_until[TIME_TEXT], last[TIME_TEXT];
};

/* $1 … $15 of add and update */
static void bind_key(struct db_statement *s, const struct key_row *row, struct key_times *times)
{
    db_bind_text(s, 1, row->name);
    db_bind_text(s, 2, row->prefix);
    db_bind_bytes(s, 3, slice_of((const char *)row->hash, sizeof(row->hash)));
    db_bind_i64(s, 4, row->admin);
    db_bind_text(s, 5, row->revoked ? SLICE("revoked") : SLICE("active"));
    db_bind_u64(s, 6, row->rpm);
    db_bind_u64(s, 7, row->tpm);
    db_bind_u64(s, 8, row->concurrency);
    db_bind_text(s, 9, row->models);
    bind_time(s, 10, row->expires_wall_us, times->expires);
    db_bind_i64(s, 11, row->from_file);
    db_bind_i64(s, 12, row->disabled);
    db_bind_text(s, 13, row->model_limits);
    if (row->old_until_wall_us)
        db_bind_bytes(s, 14, slice_of((const char *)row->old_hash, sizeof(row->old_hash)));
    else
        db_bind_null(s, 14);
    bind_time(s, 15, row->old_until_wall_us, times->old_until);
}

int key_repo_add(struct db *db, struct key_row *row)
{
    struct key_times times;
    struct db_statement *s;
    int rc = db_prepare(db, add, &s);

    if (rc < 0)
        return rc;
    bind_key(s, row, &times);
    db_bind_i64(s, 16, row->user_id);
    bind_time(s, 17, row->created_wall_us, times.last);
    rc = db_step(s);
    if (rc != DB_ROW)
        return rc < 0 ? rc : -EIO;
    row->id = db_column_i64(s, 0);
    return db_run(s);
}

int key_repo_update(struct db *db, const struct key_row *row)
{
    struct key_times times;
    struct db_statement *s;
    int rc = db_prepare(db, update, &s);

    if (rc < 0)
        return rc;
    bind_key(s, row, &times);
    bind_time(s, 16, row->updated_wall_us, times.last);
    db_bind_i64(s, 17, row->id);
    return run_on_row(db, s);
}

/* sql has the id as $1. */
static int has_row(struct db *db, const char *sql, int64_t id, bool *ret)
{
    struct db_statement *s;
    int rc = db_prepare(db, sql, &s);

    if (rc < 0)
        return rc;
    db_bind_i64(s, 1, id);
    rc = db_step(s);
    *ret = rc == DB_ROW;
    db_reset(s);
    return rc < 0 ? rc : OK;
}

static int run_revoke(struct db *db, const char *sql, int64_t id, uint64_t now_wall_us)
{
    char now[TIME_TEXT];
    struct db_statement *s;
    int rc = db_prepare(db, sql, &s);

    if (rc < 0)
        return rc;
    db_bind_i64(s, 1, id);
    bind_time(s, 2, now_wall_us, now);
    return db_run(s);
}

int key_repo_revoke(struct db *db, int64_t id, uint64_t now_wall_us)
{
    bool found;
    int rc = run_revoke(db, revoke, id, now_wall_us);

    if (rc < 0 || db_changes(db) > 0)
        return rc;
    rc = has_row(db, has_id, id, &found);
    return rc < 0 || found ? rc : -ENOENT;
}

int key_repo_revoke_of_user(struct db *db, int64_t user_id, uint64_t now_wall_us)
{
    return run_revoke(db, revoke_all, user_id, now_wall_us);
}

int key_repo_user_has_file_key(struct db *db, int64_t user_id, bool *ret)
{
    return has_row(db, has_file_key, user_id, ret);
}

int key_repo_page(struct db *db, const struct page_wish *page, struct arena *a,
                  struct key_row **ret, size_t *ret_len)
{
    struct row_list list = {.a = a, .row_size = sizeof(struct key_row)};
    const struct page_wish user = {.after = page->filter[KEY_FILTER_USER]};
    char now[TIME_TEXT];
    struct db_statement *s;
    int rc = db_prepare(db, page_of, &s);

    if (rc < 0)
        return rc;
    db_bind_i64(s, 1, page_after_id(page));
    db_bind_i64(s, 2, user.after.len > 0);
    db_bind_i64(s, 3, page_after_id(&user));
    bind_filter(s, 4, page->filter[KEY_FILTER_NAME]);
    bind_filter(s, 6, page->filter[KEY_FILTER_PREFIX]);
    bind_filter(s, 8, page->filter[KEY_FILTER_STATUS]);
    bind_time(s, 10, page->now_wall_us, now);
    db_bind_u64(s, 11, page->limit);
    rc = row_list_fill(&list, s, read_key);
    *ret = (struct key_row *)(void *)list.at;
    *ret_len = list.len;
    return rc;
}

int key_repo_list(struct db *db, struct arena *a, struct key_row **ret, size_t *ret_len)
{
    struct row_list list = {.a = a, .row_size = sizeof(struct key_row)};
    struct db_statement *s;
    int rc = db_prepare(db, list_all, &s);

    if (rc == OK)
        rc = row_list_fill(&list, s, read_key);
    *ret = (struct key_row *)(void *)list.at;
    *ret_len = list.len;
    return rc;
}

/* --- one after the other --- */

/* Behind which row the next page begins. */
struct reading {
    struct key_ear *ear;
    int64_t changed, id;
    size_t rows; /* of this page */
};

/* The row of the statement, in memory that is lent again to the next one. */
static int hear_row(struct reading *r, struct db_statement *s)
{
    _Alignas(16) char lent[2048];
    struct arena arena;
    struct key_row row;

    arena_init_with(&arena, 0, lent, sizeof(lent));
    struct columns c = {.s = s, .a = &arena};
    read_key(&c, &row);
    r->changed = row.changed;
    r->id = row.id;
    r->rows++;
    int rc = c.rc < 0 ? c.rc : r->ear->hear(r->ear, &row);
    arena_clear(&arena);
    return rc;
}

static int read_page(struct db *db, struct reading *r)
{
    struct db_statement *s;
    int rc = db_prepare(db, list_page, &s);

    r->rows = 0;
    if (rc < 0)
        return rc;
    db_bind_i64(s, 1, r->changed);
    db_bind_i64(s, 2, r->id);
    db_bind_i64(s, 3, PAGE_ROWS);
    while ((rc = db_step(s)) == DB_ROW) {
        rc = hear_row(r, s);
        if (rc < 0) {
            db_reset(s);
            return rc;
        }
    }
    return rc;
}

int key_repo_read(struct db *db, int64_t behind, struct key_ear *ear)
{
    struct reading r = {.ear = ear, .changed = behind, .id = INT64_MAX};
    int rc;

    do
        rc = read_page(db, &r);
    while (rc == OK && r.rows == PAGE_ROWS);
    return rc;
}

int key_repo_find_by_id(struct db *db, int64_t id, struct arena *a, struct key_row *ret)
{
    struct db_statement *s;
    int rc = db_prepare(db, find_by_id, &s);

    if (rc < 0)
        return rc;
    db_bind_i64(s, 1, id);
    return row_read_one(s, a, read_key, ret);
}

int key_repo_find_by_hash(struct db *db, const unsigned char hash[KEY_HASH_LEN], struct arena *a,
                          struct key_row *ret)
{
    struct db_statement *s;
    int rc = db_prepare(db, find_by_hash, &s);

    if (rc < 0)
        return rc;
    db_bind_bytes(s, 1, slice_of((const char *)hash, 32));
    return row_read_one(s, a, read_key, ret);
}

int key_repo_find_from_file(struct db *db, struct arena *a, struct key_row *ret)
{
    struct db_statement *s;
    int rc = db_prepare(db, find_from_file, &s);

    return rc < 0 ? rc : row_read_one(s, a, read_key, ret);
}

int key_repo_admin_until(struct db *db, uint64_t now_wall_us, uint64_t *ret)
{
    char now[TIME_TEXT];
    struct db_statement *s;
    int rc = db_prepare(db, admin_until, &s);

    if (rc < 0)
        return rc;
    bind_time(s, 1, now_wall_us, now);
    rc = db_step(s);
    *ret = 0;
    if (rc == DB_ROW) {
        uint64_t expires = columns_time(&(struct columns){.s = s});
        *ret = expires ? expires : KEY_REPO_FOR_EVER;
    }
    db_reset(s);
    return rc < 0 ? rc : OK;
}
