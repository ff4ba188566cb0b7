/* The file with the secret key. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/secret_file.h"
#include "support/scratch.h"
#include "support/synced.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    struct scratch scratch;
    char path[SCRATCH_PATH];
    struct arena arena;
};

static int setup(void **state)
{
    static struct fixture f;

    scratch_make(&f.scratch);
    synced_forget();
    scratch_path(&f.scratch, "", "courier.db.key", f.path);
    arena_init(&f.arena, 0);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    arena_clear(&f->arena);
    scratch_remove(&f->scratch);
    return 0;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
}

static void test_made_once(void **state)
{
    struct fixture *f = *state;
    struct secret first, second;
    struct stat st;

    assert_int_equal(secret_file_read(f->path, &f->arena, &first), -ENOENT);
    assert_int_equal(secret_file_make(f->path, &f->arena, &first), OK);
    assert_int_equal(synced_len, 2);
    assert_string_equal(synced_paths[1], f->scratch.path); /* behind the file: the name */
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(secret_reveal(first).len, 64);
    /* another process that is late gets the same */
    assert_int_equal(secret_file_make(f->path, &f->arena, &second), OK);
    assert_true(slice_eq(secret_reveal(first), secret_reveal(second)));
    assert_int_equal(secret_file_read(f->path, &f->arena, &second), OK);
    assert_true(slice_eq(secret_reveal(first), secret_reveal(second)));
}

static void test_what_is_not_a_key(void **state)
{
    struct fixture *f = *state;
    struct secret key;

    write_file(f->path, "", 0600);
    assert_int_equal(secret_file_read(f->path, &f->arena, &key), -EBADMSG);
    write_file(f->path, "0123456789\n", 0600);
    assert_int_equal(secret_file_read(f->path, &f->arena, &key), -EBADMSG);
}

static void test_open_to_others(void **state)
{
    struct fixture *f = *state;
    struct secret key;

    assert_int_equal(secret_file_make(f->path, &f->arena, &key), OK);
    assert_int_equal(chmod(f->path, 0640), 0);
    assert_int_equal(secret_file_read(f->path, &f->arena, &key), -EACCES);
}

static void test_no_folder(void **state)
{
    struct fixture *f = *state;
    struct secret key;
    char path[SCRATCH_PATH];

    scratch_path(&f->scratch, "", "nowhere/courier.db.key", path);
    assert_int_equal(secret_file_make(path, &f->arena, &key), -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_made_once),
        TEST(test_what_is_not_a_key),
        TEST(test_open_to_others),
        TEST(test_no_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
