/* user_repo.c: see user_repo.h. */

#include "repository/user_repo.h"

#include "repository/columns.h"

#include <errno.h>

#define SELECT_USER                                                                                \
    "SELECT id, name, disabled, version, created_at, updated_at, deleted_at FROM users "

static const char find_by_name[] = SELECT_USER "WHERE name = $1";
static const char find_by_id[] = SELECT_USER "WHERE id = $1";
static const char page_of[] =
    SELECT_USER "WHERE id > $1 AND ($2 = 0 OR name = $3) AND "
                "$4 = CASE WHEN deleted_at IS NOT NULL THEN 'deleted' WHEN $5 = 0 THEN $4 "
                "WHEN disabled THEN 'disabled' ELSE 'active' END ORDER BY id LIMIT $6";
static const char add[] =
    "INSERT INTO users (name, created_at, disabled) VALUES ($1, $2, $3) RETURNING id";
static const char update[] = "UPDATE users SET name = $1, disabled = $2, deleted_at = $3, "
                             "updated_at = $4, version = version + 1 WHERE id = $5";

static void read_user(struct columns *c, void *to)
{
    struct user_row *row = to;

    row->id = columns_i64(c);
    row->name = columns_text(c);
    row->disabled = columns_bool(c);
    row->version = columns_u64(c);
    row->created_wall_us = columns_time(c);
    row->updated_wall_us = columns_time(c);
    row->deleted_wall_us = columns_time(c);
}

int user_repo_find(struct db *db, struct slice name, struct arena *a, struct user_row *ret)
{
    struct db_statement *s;
    int rc = db_prepare(db, find_by_name, &s);

    if (rc < 0)
        return rc;
    db_bind_text(s, 1, name);
    return row_read_one(s, a, read_user, ret);
}

int user_repo_find_by_id(struct db *db, int64_t id, struct arena *a, struct user_row *ret)
{
    struct db_statement *s;
    int rc = db_prepare(db, find_by_id, &s);

    if (rc < 0)
        return rc;
    db_bind_i64(s, 1, id);
    return row_read_one(s, a, read_user, ret);
}

int user_repo_page(struct db *db, const struct page_wish *page, struct arena *a,
                   struct user_row **ret, size_t *ret_len)
{
    struct row_list list = {.a = a, .row_size = sizeof(struct user_row)};
    struct slice name = page->filter[USER_FILTER_NAME], status = page->filter[USER_FILTER_STATUS];
    struct db_statement *s;
    int rc = db_prepare(db, page_of, &s);

    if (rc < 0)
        return rc;
    db_bind_i64(s, 1, page_after_id(page));
    bind_filter(s, 2, name);
    db_bind_text(s, 4, status);
    db_bind_i64(s, 5, status.len > 0);
    db_bind_u64(s, 6, page->limit);
    rc = row_list_fill(&list, s, read_user);
    *ret = (struct user_row *)(void *)list.at;
    *ret_len = list.len;
    return rc;
}

int user_repo_add(struct db *db, struct user_row *row)
{
    char created[TIME_TEXT];
    struct db_statement *s;
    int rc = db_prepare(db, add, &s);

    if (rc < 0)
        return rc;
    db_bind_text(s, 1, row->name);
    bind_time(s, 2, row->created_wall_us, created);
    db_bind_i64(s, 3, row->disabled);
    rc = db_step(s);
    if (rc != DB_ROW)
        return rc < 0 ? rc : -EIO;
    row->id = db_column_i64(s, 0);
    return db_run(s);
}

int user_repo_update(struct db *db, const struct user_row *row)
{
    char deleted[TIME_TEXT], updated[TIME_TEXT];
    struct db_statement *s;
    int rc = db_prepare(db, update, &s);

    if (rc < 0)
        return rc;
    db_bind_text(s, 1, row->name);
    db_bind_i64(s, 2, row->disabled);
    bind_time(s, 3, row->deleted_wall_us, deleted);
    bind_time(s, 4, row->updated_wall_us, updated);
    db_bind_i64(s, 5, row->id);
    return run_on_row(db, s);
}
