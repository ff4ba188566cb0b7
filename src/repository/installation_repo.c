/* installation_repo.c: see installation_repo.h. */

#include "repository/installation_repo.h"

#include "store/db.h"

#include <errno.h>

static const char find[] = "SELECT value FROM installation WHERE name = $1";
static const char add[] = "INSERT INTO installation (name, value) VALUES ($1, $2)";
static const char set[] = "INSERT INTO installation (name, value) VALUES ($1, $2) "
                          "ON CONFLICT (name) DO UPDATE SET value = excluded.value";

/* -ENOENT: there is none. */
static int compare(struct db *db, struct slice name, struct slice value)
{
    struct db_statement *s;
    int rc = db_prepare(db, find, &s);

    if (rc < 0)
        return rc;
    db_bind_text(s, 1, name);
    rc = db_step(s);
    if (rc != DB_ROW)
        return rc < 0 ? rc : -ENOENT;
    rc = slice_eq(db_column_text(s, 0), value) ? OK : -EKEYREJECTED;
    db_reset(s);
    return rc;
}

/* Another may have been faster: one at a time. */
static int compare_or_add(struct db *db, struct slice name, struct slice value)
{
    struct db_statement *s;
    int rc = compare(db, name, value);

    if (rc != -ENOENT)
        return rc;
    rc = db_prepare(db, add, &s);
    if (rc < 0)
        return rc;
    db_bind_text(s, 1, name);
    db_bind_text(s, 2, value);
    return db_run(s);
}

int installation_repo_agree(struct db *db, struct slice name, struct slice value)
{
    int rc = compare(db, name, value);

    if (rc != -ENOENT)
        return rc;
    rc = db_begin(db);
    return rc < 0 ? rc : db_end(db, compare_or_add(db, name, value));
}

int installation_repo_find(struct db *db, struct slice name, struct arena *a, struct slice *ret)
{
    struct db_statement *s;
    int rc = db_prepare(db, find, &s);

    if (rc < 0)
        return rc;
    db_bind_text(s, 1, name);
    rc = db_step(s);
    if (rc != DB_ROW)
        return rc < 0 ? rc : -ENOENT;
    *ret = arena_copy(a, db_column_text(s, 0));
    db_reset(s);
    return ret->at ? OK : -ENOMEM;
}

int installation_repo_set(struct db *db, struct slice name, struct slice value)
{
    struct db_statement *s;
    int rc = db_prepare(db, set, &s);

    if (rc < 0)
        return rc;
    db_bind_text(s, 1, name);
    db_bind_text(s, 2, value);
    return db_run(s);
}
