/* store_rig.h: a migrated database of a test's own, and single values read from it. A test runs for
 * every store, from one source: SQL that it brings along must be good for all of them. */

#pragma once

#include "repository/repository.h"
#include "store/db.h"
#include "base/arena.h"

#include "support/db_rig.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

struct store_rig {
    struct scratch scratch;
    bool postgres;
    char url[POSTGRES_URL];
    struct db *db;
    struct arena arena;
};

/* What SQLite has and tests like. */
#define STORE_RIG_POSTGRES                                                                         \
    "CREATE FUNCTION joined(text, text) RETURNS text LANGUAGE sql AS "                             \
    "$$SELECT coalesce($1 || ',', '') || $2$$;"                                                    \
    "CREATE AGGREGATE group_concat(text) (SFUNC = joined, STYPE = text)"

static inline void store_rig_open(struct store_rig *r)
{
    char why[REPOSITORY_WHY];

    if (repository_open(slice_str(r->url), why, &r->db) < 0)
        fail_msg("%s", why);
    if (!r->postgres) /* what is thrown away need not outlive a power cut */
        assert_int_equal(db_exec(r->db, "PRAGMA synchronous = OFF"), OK);
}

/* Not migrated yet. */
static inline void store_rig_make_empty(struct store_rig *r, bool postgres)
{
    *r = (struct store_rig){.postgres = postgres};
    scratch_make(&r->scratch);
    arena_init(&r->arena, 0);
    if (r->postgres)
        postgres_make(r->url);
    else
        scratch_path(&r->scratch, "sqlite:", "courier.db", r->url);
    store_rig_open(r);
    if (r->postgres)
        assert_int_equal(db_exec(r->db, STORE_RIG_POSTGRES), OK);
}

static inline void store_rig_migrate(struct store_rig *r)
{
    char why[REPOSITORY_WHY];

    if (repository_migrate(r->db, NULL, why) < 0)
        fail_msg("%s", why);
}

static inline void store_rig_make(struct store_rig *r, bool postgres)
{
    store_rig_make_empty(r, postgres);
    store_rig_migrate(r);
}

static inline void store_rig_drop(struct store_rig *r)
{
    repository_close(r->db);
    if (r->postgres)
        postgres_drop(r->url);
    arena_clear(&r->arena);
    scratch_remove(&r->scratch);
}

/* Of a test; *state: which store. */
static inline int store_rig_setup_empty(void **state)
{
    struct store_rig *r = calloc(1, sizeof(*r));

    store_rig_make_empty(r, strcmp(*state, "postgres") == 0);
    *state = r;
    return 0;
}

static inline int store_rig_setup(void **state)
{
    store_rig_setup_empty(state);
    store_rig_migrate(*state);
    return 0;
}

static inline int store_rig_teardown(void **state)
{
    store_rig_drop(*state);
    free(*state);
    return 0;
}

/* The first column of the first row; in the rig's arena. */
static inline struct slice store_rig_text(struct store_rig *r, const char *sql)
{
    struct db_statement *s;

    assert_int_equal(db_prepare(r->db, sql, &s), OK);
    assert_int_equal(db_step(s), DB_ROW);
    struct slice text = arena_copy(&r->arena, db_column_text(s, 0));
    db_reset(s);
    return text;
}

#define assert_sql(rig, sql, expected)                                                             \
    assert_string_equal(store_rig_text((rig), (sql)).at, expected)

static inline uint64_t store_rig_version(struct store_rig *r)
{
    uint64_t version;

    assert_int_equal(repository_catalog_version(r->db, &version), OK);
    return version;
}

#define STORE_TEST_OF(name, store)                                                                 \
    {                                                                                              \
#name " (" store ")", name, store_rig_setup, store_rig_teardown, (void *)(uintptr_t)store  \
    }
#define STORE_TEST(name) STORE_TEST_OF(name, "sqlite"), STORE_TEST_OF(name, "postgres")
