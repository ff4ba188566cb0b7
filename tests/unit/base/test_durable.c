/* test_durable.c: what is synced when, and what goes wrong. */

#include "base/durable.h"

#include "support/scratch.h"
#include "support/synced.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/stat.h>
#include <cmocka.h>

static int setup(void **state)
{
    static struct scratch scratch;

    scratch_make(&scratch);
    synced_forget();
    *state = &scratch;
    return 0;
}

static int teardown(void **state)
{
    scratch_remove(*state);
    return 0;
}

static int make(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    return fd;
}

static void folders_are_made_and_their_names_safe(void **state)
{
    struct scratch *s = *state;
    char path[SCRATCH_PATH], one[SCRATCH_PATH], two[SCRATCH_PATH];
    struct stat st;

    scratch_path(s, "", "one", one);
    scratch_path(s, "", "one/two", two);
    scratch_path(s, "", "one/two/file", path);
    assert_int_equal(durable_folders(path), OK);
    assert_int_equal(stat(two, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_true(synced_has(s->path, ""));
    assert_true(synced_has(one, ""));
    assert_false(synced_has(two, ""));
    synced_forget();
    assert_int_equal(durable_folders(path), OK); /* they are there */
    assert_int_equal(durable_folders("file"), OK);
    assert_int_equal(durable_folders("/file"), OK);
    assert_int_equal(synced_len, 0);
    scratch_path(s, "", "one/two/file/three/file", path);
    close(make(scratch_path(s, "", "one/two/file", one)));
    assert_int_equal(durable_folders(path), -ENOTDIR);
}

static void a_file_is_synced_with_its_folder(void **state)
{
    struct scratch *s = *state;
    char path[SCRATCH_PATH], other[SCRATCH_PATH];
    int fd = make(scratch_path(s, "", "file", path));

    assert_int_equal(durable_file(fd, path), OK);
    assert_int_equal(synced_len, 2);
    assert_true(synced_has(s->path, "file"));
    assert_true(synced_has(s->path, ""));
    synced_forget();
    assert_int_equal(durable_rename(fd, path, scratch_path(s, "", "other", other)), OK);
    assert_int_equal(synced_len, 2);
    assert_string_equal(synced_paths[0], path); /* before it takes the other's place */
    assert_string_equal(synced_paths[1], s->path);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(durable_rename(fd, path, other), -ENOENT);
    close(fd);
    assert_int_equal(durable_file(fd, other), -EBADF);
}

static void a_name_is_of_a_folder(void **state)
{
    char path[SCRATCH_PATH], cwd[PATH_MAX];
    static char large[2 * PATH_MAX];

    assert_int_equal(durable_name(scratch_path(*state, "", "none/file", path)), -ENOENT);
    assert_non_null(getcwd(cwd, sizeof(cwd)));
    assert_int_equal(durable_name("file"), OK);
    assert_true(synced_has(cwd, ""));
    assert_int_equal(durable_name("/file"), OK);
    assert_true(synced_has("/", ""));
    memset(large, 'a', sizeof(large) - 1);
    large[sizeof(large) - 9] = '/';
    assert_int_equal(durable_name(large), -ENAMETOOLONG);
    assert_int_equal(durable_folders(large), -ENAMETOOLONG);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(folders_are_made_and_their_names_safe),
        TEST(a_file_is_synced_with_its_folder),
        TEST(a_name_is_of_a_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
