/* store_rig.h: a migrated database of a test's own, and single values read from it. */

#pragma once

#include "repository/repository.h"
#include "store/db.h"
#include "base/arena.h"

#include "support/scratch.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

struct store_rig {
    struct scratch scratch;
    char url[SCRATCH_PATH];
    struct db *db;
    struct arena arena;
};

static inline int store_rig_setup(void **state)
{
    struct store_rig *r = calloc(1, sizeof(*r));
    char why[REPOSITORY_WHY];

    scratch_make(&r->scratch);
    arena_init(&r->arena, 0);
    scratch_path(&r->scratch, "sqlite:", "courier.db", r->url);
    assert_int_equal(repository_open(slice_str(r->url), why, &r->db), OK);
    assert_int_equal(repository_migrate(r->db, NULL, why), OK);
    *state = r;
    return 0;
}

static inline int store_rig_teardown(void **state)
{
    struct store_rig *r = *state;

    repository_close(r->db);
    arena_clear(&r->arena);
    scratch_remove(&r->scratch);
    free(r);
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

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, store_rig_setup, store_rig_teardown)
