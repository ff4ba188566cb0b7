/* test_sealed_file.c: what was written is read; what was touched is not. */

#include "service/sealed_file.h"

#include "support/alloc_fail.h"
#include "support/scratch.h"
#include "support/synced.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <cmocka.h>

enum { CHUNK = 64 << 10 };

struct fixture {
    struct scratch scratch;
    char path[SCRATCH_PATH], aside[SCRATCH_PATH];
    struct sealed_key key;
    char text[3 * CHUNK];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    scratch_make(&f->scratch);
    scratch_path(&f->scratch, "", "sealed", f->path);
    scratch_path(&f->scratch, "", "sealed.new", f->aside);
    assert_int_equal(sealed_key_derive(secret_of(SLICE("the secret")), &f->key), OK);
    for (size_t i = 0; i < sizeof(f->text); i++)
        f->text[i] = (char)(i * 7 + i / 251);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    scratch_remove(&f->scratch);
    free(f);
    return 0;
}

static int write_file(struct fixture *f, size_t n)
{
    struct sealed_writer *w;
    int rc = sealed_writer_open(f->path, &f->key, &w);

    if (rc < 0)
        return rc;
    for (size_t at = 0, some = 1; at < n; at += some, some = some * 3 % 10007 + 1)
        sealed_write(w, slice_of(f->text + at, MIN(some, n - at)));
    return sealed_writer_end_take(w, OK);
}

/* All n bytes and no more. */
static int read_file(struct fixture *f, size_t n)
{
    static char text[3 * CHUNK];
    struct sealed_reader *r;
    int rc = sealed_reader_open(f->path, &f->key, &r);

    if (rc < 0)
        return rc;
    for (size_t at = 0, some = 5; rc == OK && at < n; at += some, some = some * 5 % 20011 + 1)
        rc = sealed_read(r, text + at, MIN(some, n - at));
    if (rc == OK)
        rc = sealed_reader_at_end(r);
    sealed_reader_close(r);
    assert_true(rc < 0 || memcmp(text, f->text, n) == 0);
    return rc;
}

static size_t file_size(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return (size_t)st.st_size;
}

static void what_is_written_is_read(void **state)
{
    struct fixture *f = *state;
    const size_t sizes[] = {0,         1,           1000,          CHUNK - 1,
                            CHUNK,     CHUNK + 1,   2 * CHUNK,     3 * CHUNK - 1,
                            3 * CHUNK, CHUNK + 100, 2 * CHUNK + 1, 77};

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        assert_int_equal(write_file(f, sizes[i]), OK);
        assert_int_equal(read_file(f, sizes[i]), OK);
        assert_int_equal(read_file(f, sizes[i] + 1), -EBADMSG);
        if (sizes[i])
            assert_int_equal(read_file(f, sizes[i] - 1), -EBADMSG);
    }
}

static void it_outlives_a_power_cut(void **state)
{
    struct fixture *f = *state;

    synced_forget();
    assert_int_equal(write_file(f, 100), OK);
    assert_int_equal(synced_len, 2);
    assert_string_equal(synced_paths[0], f->aside);
    assert_string_equal(synced_paths[1], f->scratch.path);
}

static void it_is_its_owners_alone(void **state)
{
    struct fixture *f = *state;
    struct stat st;

    assert_int_equal(write_file(f, 100), OK);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_not_equal(access(f->aside, F_OK), 0);
    assert_int_equal(sealed_key_derive(secret_of(SLICE("another secret")), &f->key), OK);
    assert_int_equal(read_file(f, 100), -EBADMSG);
}

static void cut_anywhere_it_does_not_open(void **state)
{
    struct fixture *f = *state;
    size_t n = CHUNK + 300;

    assert_int_equal(write_file(f, n), OK);
    for (size_t size = file_size(f->path); size-- > 0;) {
        if (size > 400 && size < CHUNK - 100) {
            size -= MIN(size - 400, (size_t)997);
        }
        assert_int_equal(truncate(f->path, (off_t)size), 0);
        assert_int_equal(read_file(f, n), -EBADMSG);
    }
}

static void flip(const char *path, off_t at)
{
    int fd = open(path, O_RDWR);
    unsigned char byte;

    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= (unsigned char)(1 << (at % 8));
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void a_flipped_bit_does_not_open(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(write_file(f, 300), OK);
    for (off_t at = 0; at < (off_t)file_size(f->path); at++) {
        flip(f->path, at);
        assert_int_equal(read_file(f, 300), -EBADMSG);
        flip(f->path, at);
    }
    assert_int_equal(read_file(f, 300), OK);
}

/* Head 48 bytes; a chunk 8 + 12 + CHUNK + 16. */
static void chunks_have_their_places(void **state)
{
    struct fixture *f = *state;
    size_t chunk = 8 + 12 + CHUNK + 16, head = 48;
    char *first = malloc(chunk), *second = malloc(chunk);

    assert_int_equal(write_file(f, 2 * CHUNK + 5), OK);
    int fd = open(f->path, O_RDWR | O_APPEND);
    assert_int_equal(pread(fd, first, chunk, (off_t)head), chunk);
    assert_int_equal(pread(fd, second, chunk, (off_t)(head + chunk)), chunk);
    assert_int_equal(write(fd, "x", 1), 1); /* more behind the end */
    assert_int_equal(read_file(f, 2 * CHUNK + 5), -EBADMSG);
    close(fd);
    assert_int_equal(truncate(f->path, (off_t)file_size(f->path) - 1), 0);
    assert_int_equal(read_file(f, 2 * CHUNK + 5), OK);
    fd = open(f->path, O_RDWR);
    assert_int_equal(pwrite(fd, second, chunk, (off_t)head), chunk);
    assert_int_equal(pwrite(fd, first, chunk, (off_t)(head + chunk)), chunk);
    close(fd);
    assert_int_equal(read_file(f, 2 * CHUNK + 5), -EBADMSG);
    free(first);
    free(second);
}

static void a_failure_leaves_the_old_file(void **state)
{
    struct fixture *f = *state;
    struct sealed_writer *w;

    assert_int_equal(write_file(f, 10), OK);
    assert_int_equal(sealed_writer_open(f->path, &f->key, &w), OK);
    sealed_write(w, slice_of(f->text, 2 * CHUNK));
    assert_int_equal(sealed_writer_end_take(w, -ECANCELED), -ECANCELED);
    assert_int_equal(read_file(f, 10), OK);
    assert_int_not_equal(access(f->aside, F_OK), 0);

    assert_int_equal(sealed_writer_open("/dev/null/at/all", &f->key, &w), -ENOTDIR);
    scratch_path(&f->scratch, "", "none", f->path);
    assert_int_equal(read_file(f, 10), -ENOENT);
    assert_int_equal(sealed_writer_end_take(NULL, -EIO), -EIO);
    sealed_reader_close(NULL);
}

static void the_folder_is_made(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    char folder[SCRATCH_PATH];

    scratch_path(&f->scratch, "", "deep/data", folder);
    scratch_path(&f->scratch, "", "deep/data/sealed", f->path);
    assert_int_equal(write_file(f, 10), OK);
    assert_int_equal(read_file(f, 10), OK);
    assert_int_equal(stat(folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);

    snprintf(f->path, sizeof(f->path), "here-and-gone"); /* in the folder of the process */
    assert_int_equal(write_file(f, 10), OK);
    assert_int_equal(unlink(f->path), 0);
}

static void out_of_memory_is_told(void **state)
{
    struct fixture *f = *state;
    struct sealed_writer *w;
    struct sealed_reader *r;

    alloc_fail_at(1);
    assert_int_equal(sealed_writer_open(f->path, &f->key, &w), -ENOMEM);
    assert_true(alloc_fail_hit());
    assert_int_equal(write_file(f, 10), OK);
    alloc_fail_at(1);
    assert_int_equal(sealed_reader_open(f->path, &f->key, &r), -ENOMEM);
    assert_true(alloc_fail_hit());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),       TEST(it_outlives_a_power_cut),
        TEST(it_is_its_owners_alone),        TEST(cut_anywhere_it_does_not_open),
        TEST(a_flipped_bit_does_not_open),   TEST(chunks_have_their_places),
        TEST(a_failure_leaves_the_old_file), TEST(the_folder_is_made),
        TEST(out_of_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
