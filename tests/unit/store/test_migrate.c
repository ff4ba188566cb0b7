/* test_migrate.c: migrations are applied once, in order, whole, and never backwards. */

#include "store/migrate.h"

#include "support/scratch.h"

#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <sys/wait.h>
#include <cmocka.h>

struct fixture {
    struct scratch scratch;
    char url[SCRATCH_PATH];
    struct db *db;
    struct migration_listener listener;
    char heard[256]; /* names, each with a blank behind it */
};

static void hear(struct migration_listener *l, const char *name)
{
    struct fixture *f = container_of(l, struct fixture, listener);
    size_t len = strlen(f->heard);

    snprintf(f->heard + len, sizeof(f->heard) - len, "%s ", name);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char why[DB_WHY];

    scratch_make(&f->scratch);
    f->listener.applied = hear;
    scratch_path(&f->scratch, "sqlite:", "courier.db", f->url);
    assert_int_equal(db_open(slice_str(f->url), why, &f->db), OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    db_close(f->db);
    scratch_remove(&f->scratch);
    free(f);
    return 0;
}

static int64_t number(struct db *db, const char *sql)
{
    struct db_statement *s;

    assert_int_equal(db_prepare(db, sql, &s), OK);
    assert_int_equal(db_step(s), DB_ROW);
    int64_t n = db_column_i64(s, 0);
    db_reset(s);
    return n;
}

static const struct migration list[] = {
    {"0001_one.sql", "CREATE TABLE one (n INTEGER); INSERT INTO one VALUES (1);"  },
    {"0002_two.sql", "CREATE TABLE two (n INTEGER); INSERT INTO one VALUES (2);"  },
    {"0003_bad.sql", "INSERT INTO one VALUES (3); INSERT INTO nowhere VALUES (1);"},
};

static void each_is_applied_once_in_order(void **state)
{
    struct fixture *f = *state;
    char why[DB_WHY];

    assert_int_equal(migrate_list(f->db, list, 1, &f->listener, why), OK);
    assert_string_equal(f->heard, "0001_one.sql ");
    assert_int_equal(migrate_list(f->db, list, 2, &f->listener, why), OK);
    assert_string_equal(f->heard, "0001_one.sql 0002_two.sql ");
    assert_int_equal(migrate_list(f->db, list, 2, NULL, why), OK);
    assert_int_equal(number(f->db, "SELECT sum(n) FROM one"), 3);
    assert_int_equal(number(f->db, "SELECT count(*) FROM schema_migrations WHERE "
                                   "applied_at LIKE '20__-__-__T__:__:__.___Z'"),
                     2);
}

static void a_bad_one_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    char why[DB_WHY];

    assert_int_equal(migrate_list(f->db, list, 3, &f->listener, why), -EINVAL);
    assert_string_equal(f->heard, "0001_one.sql 0002_two.sql ");
    assert_string_equal(why, "migration 0003_bad.sql: no such table: nowhere");
    assert_int_equal(number(f->db, "SELECT sum(n) FROM one"), 3);
    assert_int_equal(number(f->db, "SELECT max(version) FROM schema_migrations"), 2);
}

static void a_newer_database_is_refused(void **state)
{
    struct fixture *f = *state;
    char why[DB_WHY];

    assert_int_equal(migrate_list(f->db, list, 2, NULL, why), OK);
    assert_int_equal(migrate_list(f->db, list, 1, &f->listener, why), -ENOTSUP);
    assert_non_null(strstr(why, "migration 2, this courier knows 1"));
    assert_non_null(strstr(why, "newer release"));
    assert_string_equal(f->heard, "");
}

static void our_own_make_the_tables_of_the_contract(void **state)
{
    struct fixture *f = *state;
    char why[DB_WHY];

    assert_int_equal(migrate(f->db, &f->listener, why), OK);
    assert_true(slice_starts(slice_str(f->heard),
                             SLICE("0001_base.sql 0002_targets.sql 0003_model_facts.sql ")));
    assert_int_equal(number(f->db, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND "
                                   "name IN ('users', 'api_keys', 'providers', 'models', "
                                   "'usage_logs', 'schema_migrations', 'model_targets')"),
                     7);
    assert_int_equal(number(f->db, "SELECT count(*) FROM pragma_table_info('usage_logs')"), 26);
    f->heard[0] = '\0';
    assert_int_equal(migrate(f->db, &f->listener, why), OK);
    assert_string_equal(f->heard, "");
}

/* Processes that start together: each finds the work done or does it, none fails. */
static void several_processes_may_migrate_at_once(void **state)
{
    struct fixture *f = *state;
    pid_t pids[4];
    int status;

    for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            char why[DB_WHY];
            struct db *db;
            int rc = db_open(slice_str(f->url), why, &db);
            rc = rc < 0 ? rc : migrate(db, NULL, why);
            if (rc < 0)
                fprintf(stderr, "%s\n", why);
            _exit(rc == OK ? 0 : 1);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    assert_int_equal(number(f->db, "SELECT count(*) FROM schema_migrations"),
                     number(f->db, "SELECT max(version) FROM schema_migrations"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_is_applied_once_in_order),         TEST(a_bad_one_leaves_nothing),
        TEST(a_newer_database_is_refused),           TEST(our_own_make_the_tables_of_the_contract),
        TEST(several_processes_may_migrate_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
