/* key_repo.c: see key_repo.h. */

#include "repository/key_repo.h"

#include "repository/columns.h"

#include <errno.h>

#define SELECT_KEY                                                                                 \
    "SELECT k.id, k.user_id, u.name, k.name, k.prefix, k.hash, k.is_admin, k.status = 'revoked', " \
    "k.rpm, k.tpm, k.concurrency, k.models, k.expires_at, k.created_at, k.from_file, k.changed "   \
    "FROM api_keys k JOIN users u ON u.id = k.user_id "

enum { PAGE_ROWS = 10000 };

static const char list_all[] = SELECT_KEY "ORDER BY k.id";
/* a page: a driver may hold the whole of an answer */
static const char list_page[] =
    SELECT_KEY "WHERE (k.changed, k.id) > ($1, $2) ORDER BY k.changed, k.id LIMIT $3";
static const char find_by_hash[] = SELECT_KEY "WHERE k.hash = $1";
static const char find_from_file[] = SELECT_KEY "WHERE k.from_file = 1 ORDER BY k.id LIMIT 1";
static const char add[] =
    "INSERT INTO api_keys (name, prefix, hash, is_admin, status, rpm, tpm, concurrency, models, "
    "expires_at, from_file, user_id, created_at) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id";
static const char update[] =
    "UPDATE api_keys SET name = $1, prefix = $2, hash = $3, is_admin = $4, status = $5, rpm = $6, "
    "tpm = $7, concurrency = $8, models = $9, expires_at = $10, from_file = $11 WHERE id = $12";
static const char revoke[] = "UPDATE api_keys SET status = 'revoked' WHERE id = $1";
static const char has_admin[] =
    "SELECT count(*) FROM (SELECT 1 FROM api_keys WHERE is_admin AND status = 'active' "
    "AND (expires_at IS NULL OR expires_at > $1) LIMIT 1) AS found";

static void read_key(struct columns *c, void *to)
{
    struct key_row *row = to;

    row->id = columns_i64(c);
    row->user_id = columns_i64(c);
    row->user_name = columns_text(c);
    row->name = columns_text(c);
    row->prefix = columns_text(c);
    struct slice hash = db_column_bytes(c->s, c->next++);
    row->admin = columns_bool(c);
    /* a hash that nobody could have made ends this key and no other */
    row->revoked = columns_bool(c) || hash.len != sizeof(row->hash);
    memset(row->hash, 0, sizeof(row->hash));
    if (hash.len == sizeof(row->hash))
        memcpy(row->hash, hash.at, hash.len);
    row->rpm = columns_u64(c);
    row->tpm = columns_u64(c);
    row->concurrency = columns_u64(c);
    row->models = columns_text(c);
    row->expires_wall_us = columns_time(c);
    row->created_wall_us = columns_time(c);
    row->from_file = columns_bool(c);
    row->changed = columns_i64(c);
}

/* $1 … $11 of add and update */
static void bind_key(struct db_statement *s, const struct key_row *row, char expires[TIME_TEXT])
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
    bind_time(s, 10, row->expires_wall_us, expires);
    db_bind_i64(s, 11, row->from_file);
}

int key_repo_add(struct db *db, struct key_row *row)
{
    char expires[TIME_TEXT], created[TIME_TEXT];
    struct db_statement *s;
    int rc = db_prepare(db, add, &s);

    if (rc < 0)
        return rc;
    bind_key(s, row, expires);
    db_bind_i64(s, 12, row->user_id);
    bind_time(s, 13, row->created_wall_us, created);
    rc = db_step(s);
    if (rc != DB_ROW)
        return rc < 0 ? rc : -EIO;
    row->id = db_column_i64(s, 0);
    return db_run(s);
}

/* Runs a statement that must touch a row. */
static int run_on_row(struct db *db, struct db_statement *s)
{
    int rc = db_run(s);

    if (rc == OK && db_changes(db) == 0)
        rc = -ENOENT;
    return rc;
}

int key_repo_update(struct db *db, const struct key_row *row)
{
    char expires[TIME_TEXT];
    struct db_statement *s;
    int rc = db_prepare(db, update, &s);

    if (rc < 0)
        return rc;
    bind_key(s, row, expires);
    db_bind_i64(s, 12, row->id);
    return run_on_row(db, s);
}

int key_repo_revoke(struct db *db, int64_t id)
{
    struct db_statement *s;
    int rc = db_prepare(db, revoke, &s);

    if (rc < 0)
        return rc;
    db_bind_i64(s, 1, id);
    return run_on_row(db, s);
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

/* The one row of a statement that is bound. */
static int read_one(struct db_statement *s, struct arena *a, struct key_row *ret)
{
    struct columns c = {.s = s, .a = a};
    int rc = db_step(s);

    if (rc != DB_ROW)
        return rc < 0 ? rc : -ENOENT;
    read_key(&c, ret);
    db_reset(s);
    return c.rc;
}

int key_repo_find_by_hash(struct db *db, const unsigned char hash[KEY_HASH_LEN], struct arena *a,
                          struct key_row *ret)
{
    struct db_statement *s;
    int rc = db_prepare(db, find_by_hash, &s);

    if (rc < 0)
        return rc;
    db_bind_bytes(s, 1, slice_of((const char *)hash, 32));
    return read_one(s, a, ret);
}

int key_repo_find_from_file(struct db *db, struct arena *a, struct key_row *ret)
{
    struct db_statement *s;
    int rc = db_prepare(db, find_from_file, &s);

    return rc < 0 ? rc : read_one(s, a, ret);
}

int key_repo_has_admin(struct db *db, uint64_t now_wall_us, bool *ret)
{
    char now[TIME_TEXT];
    struct db_statement *s;
    int rc = db_prepare(db, has_admin, &s);

    if (rc < 0)
        return rc;
    bind_time(s, 1, now_wall_us, now);
    rc = db_step(s);
    if (rc != DB_ROW)
        return rc < 0 ? rc : -EBADMSG;
    *ret = db_column_i64(s, 0) > 0;
    db_reset(s);
    return OK;
}
