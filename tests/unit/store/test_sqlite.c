/* test_sqlite.c: what only a file can do wrong. */

#include "support/db_rig.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void folder_and_file_are_private(void **state)
{
    struct db_rig *f = *state;
    char path[SCRATCH_PATH];
    struct stat st;

    assert_int_equal(stat(scratch_path(&f->scratch, "", "deep/down", path), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(scratch_path(&f->scratch, "", "deep/down/courier.db", path), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(scratch_path(&f->scratch, "", "deep/down/courier.db-wal", path), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
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
    struct db_rig *f = *state;
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
    struct db_rig *f = *state;
    char why[DB_WHY], wal[SCRATCH_PATH];
    struct db *second;
    int status;

    assert_int_equal(db_rig_insert(f->db, 1, "one"), OK);
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
    struct db_rig *f = *state;
    char url[SCRATCH_PATH];

    assert_int_equal(chmod(f->scratch.path, 0555), 0);
    assert_int_equal(open_as_nobody(scratch_path(&f->scratch, "sqlite:", "new.db", url)), 0);
    assert_int_equal(open_as_nobody(scratch_path(&f->scratch, "sqlite:", "a/new.db", url)), 0);
    assert_int_equal(chmod(f->scratch.path, 0700), 0);
}

static void a_lock_of_another_stops_every_writer(void **state)
{
    struct db_rig *f = *state;
    struct db *other = db_rig_open(f);

    assert_int_equal(db_begin_append(other), OK);
    db_set_patience(f->db, 1);
    assert_int_equal(db_rig_insert(f->db, 1, "one"), -EBUSY);
    assert_int_equal(db_begin_append(f->db), -EBUSY);
    assert_int_equal(db_rig_count(f->db), 0); /* readers do not wait */
    db_close(other);
    assert_int_equal(db_rig_insert(f->db, 1, "one"), OK);
}

#define TEST(name) DB_TEST_OF(name, "sqlite")

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "open-and-close") == 0)
        return open_and_close(argv[2]);
    const struct CMUnitTest tests[] = {
        TEST(folder_and_file_are_private), cmocka_unit_test(a_long_path_is_told),
        TEST(what_is_no_database_is_told), TEST(a_second_connection_keeps_the_locks),
        TEST(a_read_only_folder_is_told),  TEST(a_lock_of_another_stops_every_writer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
