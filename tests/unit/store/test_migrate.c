/* test_migrate.c: migrations are applied once, in order, whole, and never backwards. */

#include "store/migrate.h"

#include "support/db_rig.h"

#include <sys/wait.h>

struct fixture {
    struct db_rig *rig;
    struct db *db; /* the rig's */
    struct migration_listener listener;
    char heard[1024]; /* names, each with a blank behind it */
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

    db_rig_setup_empty(state);
    f->rig = *state;
    f->db = f->rig->db;
    f->listener.applied = hear;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    void *rig = f->rig;

    free(f);
    return db_rig_teardown(&rig);
}

static int64_t number(struct db *db, const char *sql)
{
    return db_rig_number(db, sql);
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
    assert_true(slice_starts(slice_str(why), SLICE("migration 0003_bad.sql: ")));
    assert_non_null(strstr(why, "nowhere"));
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
    static const char *const tables[] = {"users",        "api_keys",   "providers",
                                         "models",       "usage_logs", "schema_migrations",
                                         "model_targets"};
    struct fixture *f = *state;
    char why[DB_WHY];

    assert_int_equal(migrate(f->db, &f->listener, why), OK);
    assert_true(slice_starts(slice_str(f->heard),
                             SLICE("0001_base.sql 0002_targets.sql 0003_model_facts.sql ")));
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        bool is_there;
        assert_int_equal(db_has_table(f->db, tables[i], &is_there), OK);
        assert_true(is_there);
    }
    assert_int_equal(number(f->db, f->rig->postgres
                                       ? "SELECT count(*) FROM information_schema.columns WHERE "
                                         "table_name = 'usage_logs'"
                                       : "SELECT count(*) FROM pragma_table_info('usage_logs')"),
                     26);
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
            int rc = db_open(slice_str(f->rig->url), why, &db);
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

/* The names are the history: every driver has the same. */
static void drivers_have_the_same_migrations(void **state)
{
    struct fixture *f = *state, *other;
    void *made = (void *)(uintptr_t)(f->rig->postgres ? "sqlite" : "postgres");
    char why[DB_WHY];

    setup(&made);
    other = made;
    assert_int_equal(migrate(f->db, &f->listener, why), OK);
    assert_int_equal(migrate(other->db, &other->listener, why), OK);
    assert_string_equal(f->heard, other->heard);
    teardown(&made);
}

#define TEST_OF(name, driver)                                                                      \
    {                                                                                              \
#name " (" driver ")", name, setup, teardown, (void *)(uintptr_t)driver                    \
    }
#define TEST(name) TEST_OF(name, "sqlite"), TEST_OF(name, "postgres")

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_is_applied_once_in_order),
        TEST(a_bad_one_leaves_nothing),
        TEST(a_newer_database_is_refused),
        TEST(our_own_make_the_tables_of_the_contract),
        TEST(several_processes_may_migrate_at_once),
        TEST_OF(drivers_have_the_same_migrations, "sqlite"),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
