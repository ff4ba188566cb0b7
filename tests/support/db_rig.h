/* db_rig.h: a connection to a database of a test's own, with one table; of any driver. */

#pragma once

#include "store/db.h"

#include "support/postgres.h"
#include "support/scratch.h"

#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

struct db_rig {
    struct scratch scratch;
    bool postgres;
    char url[POSTGRES_URL];
    struct db *db;
};

static inline struct db *db_rig_open(struct db_rig *r)
{
    char why[DB_WHY];
    struct db *db;

    if (db_open(slice_str(r->url), why, &db) < 0)
        fail_msg("%s", why);
    return db;
}

/* An empty database; *state: which driver. */
static inline int db_rig_setup_empty(void **state)
{
    struct db_rig *r = calloc(1, sizeof(*r));

    r->postgres = strcmp(*state, "postgres") == 0;
    scratch_make(&r->scratch);
    if (r->postgres)
        postgres_make(r->url);
    else
        scratch_path(&r->scratch, "sqlite:", "deep/down/courier.db", r->url);
    r->db = db_rig_open(r);
    *state = r;
    return 0;
}

static inline int db_rig_setup(void **state)
{
    db_rig_setup_empty(state);
    struct db_rig *r = *state;

    assert_int_equal(db_exec(r->db, r->postgres
                                        ? "CREATE TABLE t (id bigint PRIMARY KEY, name text "
                                          "UNIQUE, bytes bytea)"
                                        : "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT "
                                          "UNIQUE, bytes BLOB)"),
                     OK);
    return 0;
}

static inline int db_rig_teardown(void **state)
{
    struct db_rig *r = *state;

    db_close(r->db);
    if (r->postgres)
        postgres_drop(r->url);
    scratch_remove(&r->scratch);
    free(r);
    return 0;
}

static inline struct db_statement *db_rig_prepare(struct db *db, const char *sql)
{
    struct db_statement *s;

    if (db_prepare(db, sql, &s) < 0)
        fail_msg("%s: %s", sql, db_error(db));
    return s;
}

/* The number that a literal of SQL gives. */
static inline int64_t db_rig_number(struct db *db, const char *sql)
{
    struct db_statement *s = db_rig_prepare(db, sql);

    if (db_step(s) != DB_ROW)
        fail_msg("%s: %s", sql, db_error(db));
    int64_t n = db_column_i64(s, 0);
    db_reset(s);
    return n;
}

static inline int64_t db_rig_count(struct db *db)
{
    return db_rig_number(db, "SELECT count(*) FROM t");
}

static inline int db_rig_insert(struct db *db, int64_t id, const char *name)
{
    struct db_statement *s;
    int rc = db_prepare(db, "INSERT INTO t (id, name) VALUES ($1, $2)", &s);

    if (rc < 0)
        return rc;
    db_bind_i64(s, 1, id);
    db_bind_text(s, 2, slice_str(name));
    return db_run(s);
}

#define DB_TEST_WITH(name, driver, setup)                                                          \
    {                                                                                              \
#name " (" driver ")", name, setup, db_rig_teardown, (void *)(uintptr_t)driver             \
    }
#define DB_TEST_OF(name, driver) DB_TEST_WITH(name, driver, db_rig_setup)
#define DB_TEST(name)            DB_TEST_OF(name, "sqlite"), DB_TEST_OF(name, "postgres")
