/* test_db.c: statements, transactions, locks and faults of a connection, whichever driver. */

#include "support/db_rig.h"

#include "support/alloc_fail.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>

static atomic_bool interrupted;

static void values_come_back(void **state)
{
    struct db_rig *f = *state;
    static const char raw[] = {'a', '\0', 'b', (char)0xff};
    struct db_statement *s =
        db_rig_prepare(f->db, "INSERT INTO t (bytes, name, id) VALUES ($3, $2, $1)");

    db_bind_u64(s, 1, UINT64_MAX);
    db_bind_text(s, 2, SLICE("ein Wört"));
    db_bind_bytes(s, 3, slice_of(raw, sizeof(raw)));
    assert_int_equal(db_run(s), OK);
    assert_int_equal(db_changes(f->db), 1);

    s = db_rig_prepare(f->db, "SELECT id, name, bytes, NULL FROM t");
    assert_int_equal(db_step(s), DB_ROW);
    assert_true(db_column_i64(s, 0) == INT64_MAX);
    assert_true(slice_eq(db_column_text(s, 1), SLICE("ein Wört")));
    assert_true(slice_eq(db_column_bytes(s, 2), slice_of(raw, sizeof(raw))));
    assert_int_equal(db_column_i64(s, 3), 0);
    assert_int_equal(db_column_text(s, 3).len, 0);
    assert_int_equal(db_column_bytes(s, 3).len, 0);
    assert_int_equal(db_step(s), OK);
}

static void empty_values_are_not_null(void **state)
{
    struct db_rig *f = *state;
    struct db_statement *s =
        db_rig_prepare(f->db, "INSERT INTO t (id, name, bytes) VALUES ($1, $2, $3)");

    db_bind_i64(s, 1, 1);
    db_bind_text(s, 2, (struct slice){0});
    db_bind_bytes(s, 3, (struct slice){0});
    assert_int_equal(db_run(s), OK);
    s = db_rig_prepare(f->db, "SELECT name IS NULL, bytes IS NULL, name = '' FROM t");
    assert_int_equal(db_step(s), DB_ROW);
    assert_int_equal(db_column_i64(s, 0), 0);
    assert_int_equal(db_column_i64(s, 1), 0);
    assert_int_equal(db_column_i64(s, 2), 1);
    db_reset(s);
}

static void faults_have_their_errno(void **state)
{
    struct db_rig *f = *state;
    struct db_statement *s;

    assert_int_equal(db_rig_insert(f->db, 1, "one"), OK);
    assert_int_equal(db_rig_insert(f->db, 1, "two"), -EEXIST);
    assert_int_equal(db_rig_insert(f->db, 2, "one"), -EEXIST);
    assert_non_null(strstr(db_error(f->db), f->postgres ? "t_name_key" : "t.name"));
    assert_int_equal(db_prepare(f->db, "SELECT x FROM nowhere", &s), -EINVAL);
    assert_non_null(strstr(db_error(f->db), "nowhere"));
    assert_int_equal(db_prepare(f->db, "SELECT :name", &s), -EINVAL);
    assert_int_equal(db_prepare(f->db, "SELECT $65", &s), -EINVAL);

    s = db_rig_prepare(f->db, "SELECT $1");
    db_bind_i64(s, 2, 1);
    assert_int_equal(db_step(s), -EINVAL);
    s = db_rig_prepare(f->db, "SELECT $1");
    db_bind_i64(s, 1, 7);
    assert_int_equal(db_step(s), DB_ROW);
    db_reset(s);
}

static void statements_are_kept(void **state)
{
    struct db_rig *f = *state;
    static const char sql[] = "SELECT $1";
    struct db_statement *a = db_rig_prepare(f->db, sql);

    db_bind_i64(a, 1, 1);
    assert_int_equal(db_step(a), DB_ROW);
    assert_ptr_equal(db_rig_prepare(f->db, sql), a);
}

static void transactions_are_whole(void **state)
{
    struct db_rig *f = *state;

    assert_int_equal(db_begin(f->db), OK);
    assert_int_equal(db_rig_insert(f->db, 1, "one"), OK);
    assert_int_equal(db_end(f->db, -EBADMSG), -EBADMSG);
    assert_int_equal(db_rig_count(f->db), 0);

    assert_int_equal(db_begin(f->db), OK);
    assert_int_equal(db_rig_insert(f->db, 1, "one"), OK);
    assert_int_equal(db_end(f->db, OK), OK);
    assert_int_equal(db_rig_count(f->db), 1);
    assert_int_equal(db_commit(f->db), -EINVAL);
    db_rollback(f->db);
}

static void readers_see_one_state(void **state)
{
    struct db_rig *f = *state;
    char why[DB_WHY];
    struct db *other;

    assert_int_equal(db_open(slice_str(f->url), why, &other), OK);
    assert_int_equal(db_begin_read(other), OK);
    assert_int_equal(db_rig_count(other), 0);
    assert_int_equal(db_rig_insert(f->db, 1, "one"), OK);
    assert_int_equal(db_rig_count(other), 0);
    assert_int_equal(db_commit(other), OK);
    assert_int_equal(db_rig_count(other), 1);
    db_close(other);
}

/* The lock is held by another process, which ends when the pipe is closed. */
static void a_lock_of_another_process_is_busy(void **state)
{
    struct db_rig *f = *state;
    int told[2], end[2], status;
    char byte = 0;

    assert_int_equal(pipe(told), 0);
    assert_int_equal(pipe(end), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char why[DB_WHY];
        struct db *db;
        close(end[1]);
        int rc = db_open(slice_str(f->url), why, &db);
        rc = rc < 0 ? rc : db_begin(db);
        byte = rc == OK;
        (void)!write(told[1], &byte, 1);
        (void)!read(end[0], &byte, 1);
        _exit(0);
    }
    assert_int_equal(read(told[0], &byte, 1), 1);
    assert_int_equal(byte, 1);
    db_set_patience(f->db, 1);
    assert_int_equal(db_begin(f->db), -EBUSY);
    assert_int_equal(db_rig_count(f->db), 0); /* readers do not wait */
    close(end[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(db_rig_insert(f->db, 1, "one"), OK);
    close(end[0]);
    close(told[0]);
    close(told[1]);
}

static void wrong_urls_are_told(void **state)
{
    static const struct {
        const char *url;
        int rc;
        const char *words;
    } cases[] = {
        {"postgre://me:secret@host/db",           -EPROTONOSUPPORT,
         "no driver for a store of kind \"postgre\""                                      },
        {"postgres:",                             -EINVAL,          "is no PostgreSQL URL"},
        {"postgres://me:secret@secret@host/db",   -EINVAL,          "%40"                 },
        {"postgres://me:secret/secret@host/db",   -EINVAL,          "%2F"                 },
        {"postgres://me:secret%@host/db",         -EINVAL,          "%25"                 },
        {"postgres://me:secret@host:x/db",        -EINVAL,          "port"                },
        {"postgresql://me:secret@127.0.0.1:1/db", -ECONNREFUSED,    "refused"             },
        {"courier.db",                            -EPROTONOSUPPORT, "no driver"           },
        {"sqlite",                                -EPROTONOSUPPORT, "no driver"           },
        {"",                                      -EPROTONOSUPPORT, "no driver"           },
        {"sqlite:",                               -EINVAL,          "needs a path"        },
        {"sqlite:/proc/none/a.db",                -ENOENT,          "/proc/none"          },
        {"sqlite:/dev/null/a.db",                 -ENOTDIR,         "/dev/null"           },
        {"sqlite:/tmp",                           -EISDIR,          "/tmp"                },
    };
    char why[DB_WHY];
    struct db *db;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(db_open(slice_str(cases[i].url), why, &db), cases[i].rc);
        assert_non_null(strstr(why, cases[i].words));
        assert_null(strstr(why, "secret"));
        assert_null(db);
    }
}

static void out_of_memory_is_survived(void **state)
{
    struct db_rig *f = *state;
    static const char sql[] = "SELECT 1";
    char why[DB_WHY];
    struct db *db;

    alloc_fail_at(1);
    assert_int_equal(db_open(slice_str(f->url), why, &db), -ENOMEM);
    assert_true(alloc_fail_hit());
    struct db_statement *s;
    alloc_fail_at(1);
    assert_int_equal(db_prepare(f->db, sql, &s), -ENOMEM);
    assert_true(alloc_fail_hit());
    assert_int_equal(db_prepare(f->db, sql, &s), OK);
}

static void tables_are_found(void **state)
{
    struct db_rig *f = *state;
    bool is_there;

    assert_int_equal(db_has_table(f->db, "t", &is_there), OK);
    assert_true(is_there);
    assert_int_equal(db_has_table(f->db, "u", &is_there), OK);
    assert_false(is_there);
}

static const struct db_watch watch = {"changes", "SELECT count(*) FROM t"};

static void change(struct db_rig *f, struct db *db, int64_t id)
{
    char name[24];

    snprintf(name, sizeof(name), "%lld", (long long)id);
    assert_int_equal(db_rig_insert(db, id, name), OK);
    if (f->postgres)
        assert_int_equal(db_exec(db, "NOTIFY changes"), OK);
}

static void a_change_is_heard(void **state)
{
    struct db_rig *f = *state;
    struct db *other = db_rig_open(f);
    char byte = 0;
    int wake[2];

    assert_int_equal(pipe(wake), 0);
    assert_int_equal(db_wait_change(f->db, &watch, wake[0], 60000), DB_CHANGED); /* the first */
    assert_int_equal(db_wait_change(f->db, &watch, wake[0], 0), OK);
    change(f, other, 1);
    assert_int_equal(db_wait_change(f->db, &watch, wake[0], 60000), DB_CHANGED);
    change(f, other, 2);
    assert_int_equal(db_rig_count(f->db), 2); /* what comes meanwhile is not lost */
    assert_int_equal(db_wait_change(f->db, &watch, -1, 60000), DB_CHANGED);
    assert_int_equal(db_wait_change(f->db, &watch, -1, 1), OK);
    assert_int_equal(write(wake[1], &byte, 1), 1);
    assert_int_equal(db_wait_change(f->db, &watch, wake[0], 60000), OK);
    db_close(other);
    close(wake[0]);
    close(wake[1]);
}

static void *interrupt_soon(void *db)
{
    const struct timespec moment = {.tv_nsec = 20000000};

    for (int i = 0; i < 3000 && !atomic_load(&interrupted); i++) {
        nanosleep(&moment, NULL);
        db_interrupt(db);
    }
    return NULL;
}

static void a_long_statement_is_interrupted(void **state)
{
    struct db_rig *f = *state;
    struct db_statement *s = db_rig_prepare(
        f->db, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
               "1000000000) SELECT count(*) FROM n");
    pthread_t thread;

    db_set_patience(f->db, 600000);
    assert_int_equal(db_patience(f->db), 600000);
    atomic_store(&interrupted, false);
    assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, f->db), 0);
    int rc = db_run(s);
    atomic_store(&interrupted, true);
    pthread_join(thread, NULL);
    assert_int_equal(rc, -ECANCELED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DB_TEST(values_come_back),
        DB_TEST(empty_values_are_not_null),
        DB_TEST(faults_have_their_errno),
        DB_TEST(statements_are_kept),
        DB_TEST(transactions_are_whole),
        DB_TEST(readers_see_one_state),
        DB_TEST(a_lock_of_another_process_is_busy),
        cmocka_unit_test(wrong_urls_are_told),
        DB_TEST(out_of_memory_is_survived),
        DB_TEST(tables_are_found),
        DB_TEST(a_change_is_heard),
        DB_TEST(a_long_statement_is_interrupted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
