/* user_repo.c: see user_repo.h. */

#include "repository/user_repo.h"

#include "repository/columns.h"

#include <errno.h>

static const char find_by_name[] = "SELECT id, name, created_at FROM users WHERE name = $1";
static const char add[] = "INSERT INTO users (name, created_at) VALUES ($1, $2) RETURNING id";

int user_repo_find(struct db *db, struct slice name, struct arena *a, struct user_row *ret)
{
    struct db_statement *s;
    int rc = db_prepare(db, find_by_name, &s);

    if (rc < 0)
        return rc;
    db_bind_text(s, 1, name);
    rc = db_step(s);
    if (rc != DB_ROW)
        return rc < 0 ? rc : -ENOENT;
    struct columns c = {.s = s, .a = a};
    ret->id = columns_i64(&c);
    ret->name = columns_text(&c);
    ret->created_wall_us = columns_time(&c);
    db_reset(s);
    return c.rc;
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
    rc = db_step(s);
    if (rc != DB_ROW)
        return rc < 0 ? rc : -EIO;
    row->id = db_column_i64(s, 0);
    return db_run(s);
}
