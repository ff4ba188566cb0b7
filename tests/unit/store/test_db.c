/* test_db.c: opening, statements, transactions, locks and faults of a connection. */

#include "store/db.h"

#include "support/alloc_fail.h"
#include "support/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

struct fixture {
    struct scratch scratch;
    char url[SCRATCH_PATH];
    struct db *db;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char why[DB_WHY];

    scratch_make(&f->scratch);
    scratch_path(&f->scratch, "sqlite:", "deep/down/courier.db", f->url);
    assert_int_equal(db_open(slice_str(f->url), why, &f->db), OK);
    assert_int_equal(db_exec(f->db, "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, "
                                    "bytes BLOB)"),
                     OK);
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

static struct db_statement *prepare(struct db *db, const char *sql)
{
    struct db_statement *s;

    assert_int_equal(db_prepare(db, sql, &s), OK);
    return s;
}

static int64_t count(struct db *db)
{
    struct db_statement *s = prepare(db, "SELECT count(*) FROM t");

    assert_int_equal(db_step(s), DB_ROW);
    int64_t n = db_column_i64(s, 0);
    db_reset(s);
    return n;
}

static int insert(struct db *db, int64_t id, const char *name)
{
    struct db_statement *s = prepare(db, "INSERT INTO t (id, name) VALUES ($1, $2)");

    db_bind_i64(s, 1, id);
    db_bind_text(s, 2, slice_str(name));
    return db_run(s);
}

static void folder_and_file_are_private(void **state)
{
    struct fixture *f = *state;
    char path[SCRATCH_PATH];
    struct stat st;

    assert_int_equal(stat(scratch_path(&f->scratch, "", "deep/down", path), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(scratch_path(&f->scratch, "", "deep/down/courier.db", path), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(scratch_path(&f->scratch, "", "deep/down/courier.db-wal", path), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void values_come_back(void **state)
{
    struct fixture *f = *state;
    static const char raw[] = {'a', '\0', 'b', (char)0xff};
    struct db_statement *s = prepare(f->db, "INSERT INTO t (bytes, name, id) VALUES ($3, $2, $1)");

    db_bind_u64(s, 1, UINT64_MAX);
    db_bind_text(s, 2, SLICE("ein Wört"));
    db_bind_bytes(s, 3, slice_of(raw, sizeof(raw)));
    assert_int_equal(db_run(s), OK);
    assert_int_equal(db_changes(f->db), 1);

    s = prepare(f->db, "SELECT id, name, bytes, NULL FROM t");
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
    struct fixture *f = *state;
    struct db_statement *s = prepare(f->db, "SELECT typeof($1), typeof($2), typeof($3), $1 = ''");

    db_bind_text(s, 1, (struct slice){0});
    db_bind_bytes(s, 2, (struct slice){0});
    db_bind_null(s, 3);
    assert_int_equal(db_step(s), DB_ROW);
    assert_true(slice_eq(db_column_text(s, 0), SLICE("text")));
    assert_true(slice_eq(db_column_text(s, 1), SLICE("blob")));
    assert_true(slice_eq(db_column_text(s, 2), SLICE("null")));
    assert_int_equal(db_column_i64(s, 3), 1);
    db_reset(s);
}

static void faults_have_their_errno(void **state)
{
    struct fixture *f = *state;
    struct db_statement *s;

    assert_int_equal(insert(f->db, 1, "one"), OK);
    assert_int_equal(insert(f->db, 1, "two"), -EEXIST);
    assert_int_equal(insert(f->db, 2, "one"), -EEXIST);
    assert_string_equal(db_error(f->db), "UNIQUE constraint failed: t.name");
    assert_int_equal(db_prepare(f->db, "SELECT x FROM nowhere", &s), -EINVAL);
    assert_string_equal(db_error(f->db), "no such table: nowhere");
    assert_int_equal(db_prepare(f->db, "SELECT :name", &s), -EINVAL);
    assert_int_equal(db_prepare(f->db, "SELECT $65", &s), -EINVAL);

    s = prepare(f->db, "SELECT $1");
    db_bind_i64(s, 2, 1);
    assert_int_equal(db_step(s), -EINVAL);
    s = prepare(f->db, "SELECT $1");
    db_bind_i64(s, 1, 7);
    assert_int_equal(db_step(s), DB_ROW);
    db_reset(s);
}

static void statements_are_kept(void **state)
{
    struct fixture *f = *state;
    static const char sql[] = "SELECT $1";
    struct db_statement *a = prepare(f->db, sql);

    db_bind_i64(a, 1, 1);
    assert_int_equal(db_step(a), DB_ROW);
    assert_ptr_equal(prepare(f->db, sql), a);
}

static void transactions_are_whole(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(db_begin(f->db), OK);
    assert_int_equal(insert(f->db, 1, "one"), OK);
    assert_int_equal(db_end(f->db, -EBADMSG), -EBADMSG);
    assert_int_equal(count(f->db), 0);

    assert_int_equal(db_begin(f->db), OK);
    assert_int_equal(insert(f->db, 1, "one"), OK);
    assert_int_equal(db_end(f->db, OK), OK);
    assert_int_equal(count(f->db), 1);
    assert_int_equal(db_commit(f->db), -EINVAL);
    db_rollback(f->db);
}

static void readers_see_one_state(void **state)
{
    struct fixture *f = *state;
    char why[DB_WHY];
    struct db *other;

    assert_int_equal(db_open(slice_str(f->url), why, &other), OK);
    assert_int_equal(db_begin_read(other), OK);
    assert_int_equal(count(other), 0);
    assert_int_equal(insert(f->db, 1, "one"), OK);
    assert_int_equal(count(other), 0);
    assert_int_equal(db_commit(other), OK);
    assert_int_equal(count(other), 1);
    db_close(other);
}

/* The lock is held by another process, which ends when the pipe is closed. */
static void a_lock_of_another_process_is_busy(void **state)
{
    struct fixture *f = *state;
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
    assert_int_equal(insert(f->db, 1, "one"), -EBUSY);
    assert_int_equal(count(f->db), 0); /* readers do not wait */
    close(end[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(insert(f->db, 1, "one"), OK);
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
        {"postgres://me:secret@host/db", -EPROTONOSUPPORT,
         "no driver for a store of kind \"postgres\""                    },
        {"courier.db",                   -EPROTONOSUPPORT, "no driver"   },
        {"sqlite",                       -EPROTONOSUPPORT, "no driver"   },
        {"",                             -EPROTONOSUPPORT, "no driver"   },
        {"sqlite:",                      -EINVAL,          "needs a path"},
        {"sqlite:/proc/none/a.db",       -ENOENT,          "/proc/none"  },
        {"sqlite:/dev/null/a.db",        -ENOTDIR,         "/dev/null"   },
        {"sqlite:/tmp",                  -EISDIR,          "/tmp"        },
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

static void a_long_path_is_told(void **state)
{
    static char url[6000] = "sqlite:";
    char why[DB_WHY];
    struct db *db;

    (void)state;
    memset(url + 7, 'a', sizeof(url) - 8);
    assert_int_equal(db_open(slice_str(url), why, &db), -EINVAL);
}

static void what_is_no_database_is_told(void **state)
{
    struct fixture *f = *state;
    char path[SCRATCH_PATH], why[DB_WHY];
    struct db *db;
    FILE *file = fopen(scratch_path(&f->scratch, "", "text.db", path), "w");

    for (int i = 0; i < 1000; i++)
        fputs("this is a letter and no database\n", file);
    fclose(file);
    scratch_path(&f->scratch, "sqlite:", "text.db", path);
    assert_int_equal(db_open(slice_str(path), why, &db), -EBADMSG);
    assert_non_null(strstr(why, "file is not a database"));
}

/* Closing any descriptor of the file drops this process' locks on it; another process would then
 * take itself for the last user and throw the log away. */
static void a_second_connection_keeps_the_locks(void **state)
{
    struct fixture *f = *state;
    char why[DB_WHY], wal[SCRATCH_PATH];
    struct db *second;
    int status;

    assert_int_equal(insert(f->db, 1, "one"), OK);
    assert_int_equal(db_open(slice_str(f->url), why, &second), OK);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/proc/self/exe", "test_db", "open-and-close", f->url, (char *)NULL);
        _exit(99);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(access(scratch_path(&f->scratch, "", "deep/down/courier.db-wal", wal), F_OK),
                     0);
    db_close(second);
}

static int open_and_close(const char *url)
{
    char why[DB_WHY];
    struct db *db;
    int rc = db_open(slice_str(url), why, &db);

    if (rc == OK)
        rc = db_exec(db, "SELECT count(*) FROM t");
    db_close(db);
    return rc < 0;
}

/* As a user whom permissions stop: in a child, since root is stopped by none. */
static int open_as_nobody(const char *url)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        char why[DB_WHY];
        struct db *db;
        if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
            _exit(99);
        int rc = db_open(slice_str(url), why, &db);
        db_close(db);
        _exit(rc == -EACCES && strstr(why, "Permission denied") ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void a_read_only_folder_is_told(void **state)
{
    struct fixture *f = *state;
    char url[SCRATCH_PATH];

    assert_int_equal(chmod(f->scratch.path, 0555), 0);
    assert_int_equal(open_as_nobody(scratch_path(&f->scratch, "sqlite:", "new.db", url)), 0);
    assert_int_equal(open_as_nobody(scratch_path(&f->scratch, "sqlite:", "a/new.db", url)), 0);
    assert_int_equal(chmod(f->scratch.path, 0700), 0);
}

static void out_of_memory_is_survived(void **state)
{
    struct fixture *f = *state;
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "open-and-close") == 0)
        return open_and_close(argv[2]);
    const struct CMUnitTest tests[] = {
        TEST(folder_and_file_are_private),
        TEST(values_come_back),
        TEST(empty_values_are_not_null),
        TEST(faults_have_their_errno),
        TEST(statements_are_kept),
        TEST(transactions_are_whole),
        TEST(readers_see_one_state),
        TEST(a_lock_of_another_process_is_busy),
        cmocka_unit_test(wrong_urls_are_told),
        cmocka_unit_test(a_long_path_is_told),
        TEST(what_is_no_database_is_told),
        TEST(a_second_connection_keeps_the_locks),
        TEST(a_read_only_folder_is_told),
        TEST(out_of_memory_is_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
