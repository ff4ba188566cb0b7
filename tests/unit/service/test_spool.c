/* test_spool.c: records on disk: in order, through deaths, damage and full disks. */

#include "service/spool.h"

#include "service/spool_file.h"

#include "support/alloc_fail.h"
#include "support/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <setjmp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <cmocka.h>

enum { MOST = 64 << 20, MANY = 40000 };

struct fixture {
    struct scratch scratch;
    struct spool *spool;
    /* what was read last */
    uint64_t first, last, count;
    bool in_order;
};

static int open_with(struct fixture *f, uint64_t most)
{
    return spool_open(f->scratch.path, most, &f->spool);
}

static void reopen(struct fixture *f)
{
    spool_close(f->spool);
    assert_int_equal(open_with(f, MOST), OK);
}

static void see(struct fixture *f, const struct record *r)
{
    uint64_t now = r->created_wall_us;
    char name[32];

    snprintf(name, sizeof(name), "request-%llu", (unsigned long long)now);
    assert_string_equal(r->request_id, name);
    f->first = f->count == 0 ? now : f->first;
    f->in_order &= f->count == 0 || now > f->last;
    f->last = now;
    f->count++;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    scratch_make(&f->scratch);
    assert_int_equal(open_with(f, MOST), OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    spool_close(f->spool);
    scratch_remove(&f->scratch);
    free(f);
    return 0;
}

static struct record record_of(uint64_t n)
{
    struct record r = {.created_wall_us = n, .endpoint = "/v1/chat/completions"};

    memcpy(r.id.bytes, &n, sizeof(n));
    snprintf(r.request_id, sizeof(r.request_id), "request-%llu", (unsigned long long)n);
    return r;
}

static void append(struct fixture *f, uint64_t from, uint64_t to)
{
    for (uint64_t n = from; n < to; n++) {
        struct record r = record_of(n);
        assert_int_equal(spool_append(f->spool, &r, 1), OK);
    }
}

static void save(struct fixture *f, uint64_t from, uint64_t to)
{
    append(f, from, to);
    assert_int_equal(spool_save(f->spool), OK);
}

static size_t see_some(struct fixture *f, size_t most)
{
    struct record piece[50];
    size_t n = 1;

    f->count = 0;
    f->in_order = true;
    spool_rewind(f->spool);
    while (n > 0 && f->count < most) {
        n = spool_read(f->spool, piece, MIN(most - f->count, ARRAY_LEN(piece)));
        for (size_t i = 0; i < n; i++)
            see(f, &piece[i]);
    }
    assert_true(f->in_order);
    return f->count;
}

static void advance(struct fixture *f)
{
    spool_advance(f->spool);
}

/* Sees `from` … `to` - 1 and nothing else, and advances. */
static void expect(struct fixture *f, uint64_t from, uint64_t to)
{
    see_some(f, SIZE_MAX);
    assert_int_equal(f->count, to - from);
    if (to > from) {
        assert_int_equal(f->first, from);
        assert_int_equal(f->last, to - 1);
    }
    advance(f);
}

static unsigned files_like(struct fixture *f, const char *part)
{
    DIR *dir = opendir(f->scratch.path);
    unsigned n = 0;

    for (struct dirent *e; (e = readdir(dir));)
        n += e->d_name[0] != '.' && strstr(e->d_name, part);
    closedir(dir);
    return n;
}

static const char *path_of(struct fixture *f, unsigned number, char ret[SCRATCH_PATH])
{
    char name[32];

    snprintf(name, sizeof(name), "spool-%u", number);
    return scratch_path(&f->scratch, "", name, ret);
}

static struct spool_state look(struct fixture *f)
{
    struct spool_state state;

    spool_look(f->spool, &state);
    return state;
}

/* --- in and out --- */

static void first_in_first_out(void **state)
{
    struct fixture *f = *state;

    assert_true(spool_is_empty(f->spool));
    save(f, 1, 101);
    assert_false(spool_is_empty(f->spool));
    assert_int_equal(look(f).records, 100);
    assert_int_equal(see_some(f, 10), 10);
    assert_int_equal(see_some(f, 10), 10);
    assert_int_equal(f->first, 1); /* the same again */
    advance(f);
    assert_int_equal(see_some(f, 10), 10);
    assert_int_equal(f->first, 11);
    advance(f);
    save(f, 101, 201);
    expect(f, 21, 201);
    assert_true(spool_is_empty(f->spool));
    assert_int_equal(look(f).records, 0);
    assert_int_equal(look(f).bytes, 0);
    assert_int_equal(files_like(f, "spool-"), 0);
    expect(f, 1, 1);
    save(f, 201, 211);
    expect(f, 201, 211);
}

static void it_goes_on_over_many_segments(void **state)
{
    struct fixture *f = *state;
    uint64_t begun = 0;

    for (uint64_t n = 1; n <= MANY; n += 1000) {
        save(f, n, n + 1000);
        if (n == 1 + MANY / 2)
            begun = see_some(f, 777), advance(f);
    }
    assert_int_equal(begun, 777);
    unsigned files = files_like(f, "spool-");
    assert_true(files > 0);
    assert_int_equal(look(f).records, MANY - 777);
    assert_int_equal(see_some(f, MANY / 2), MANY / 2);
    advance(f);
    assert_true(files_like(f, "spool-") <= files);
    expect(f, 778 + MANY / 2, MANY + 1);
    assert_int_equal(files_like(f, "spool-"), 0);
    assert_int_equal(look(f).bytes, 0);
}

/* What a long text of records needs: several files. */
static void segments_are_deleted_one_by_one(void **state)
{
    struct fixture *f = *state;

    for (uint64_t n = 1; n <= 4 * MANY; n += 4000)
        save(f, n, n + 4000);
    unsigned files = files_like(f, "spool-");
    assert_true(files >= 2);
    uint64_t bytes = look(f).bytes;
    for (uint64_t n = 1; n <= 4 * MANY; n += 1000) {
        assert_int_equal(see_some(f, 1000), 1000);
        assert_int_equal(f->first, n);
        advance(f);
        assert_true(look(f).bytes <= bytes);
        bytes = look(f).bytes;
    }
    assert_true(spool_is_empty(f->spool));
    assert_int_equal(files_like(f, "spool-"), 0);
}

static void what_is_undone_was_never_there(void **state)
{
    struct fixture *f = *state;

    append(f, 1, 2000);
    spool_undo(f->spool);
    assert_true(spool_is_empty(f->spool));
    assert_int_equal(files_like(f, "spool-"), 0);
    save(f, 1, 11);
    append(f, 11, 2000);
    spool_undo(f->spool);
    assert_int_equal(look(f).records, 10);
    save(f, 11, 21);
    expect(f, 1, 21);
}

static void what_was_not_advanced_is_read_after_a_start(void **state)
{
    struct fixture *f = *state;

    save(f, 1, 101);
    assert_int_equal(see_some(f, 50), 50);
    advance(f);
    reopen(f);
    assert_int_equal(look(f).records, 100);
    save(f, 101, 111);
    reopen(f);
    append(f, 111, 121); /* and not saved */
    reopen(f);
    expect(f, 1, 111);
    reopen(f);
    expect(f, 1, 1);
}

static void it_has_a_size(void **state)
{
    struct fixture *f = *state;
    uint64_t n = 1;

    spool_close(f->spool);
    assert_int_equal(open_with(f, 100000), OK);
    while (spool_room(f->spool) > 0) {
        save(f, n, n + 1);
        n++;
    }
    assert_true(look(f).bytes <= 100000);
    assert_true(look(f).bytes > 100000 - 2 * SPOOL_FRAME_MOST);
    expect(f, 1, n);
    assert_true(spool_room(f->spool) > 100);
    spool_close(f->spool);
    assert_int_equal(open_with(f, 10), OK);
    assert_int_equal(spool_room(f->spool), 0);
}

/* --- deaths and damage --- */

/* A process that died while it wrote: its segment was not closed. */
static void leave_unclosed(struct fixture *f, uint64_t from, uint64_t to, char path[SCRATCH_PATH])
{
    struct spool_writer w;

    assert_int_equal(spool_writer_init(&w), OK);
    assert_int_equal(spool_writer_begin(&w, path_of(f, 7, path), 7), OK);
    for (uint64_t n = from; n < to; n++) {
        struct record r = record_of(n);
        assert_int_equal(spool_writer_append(&w, &r), OK);
    }
    assert_int_equal(spool_writer_sync(&w), OK);
    close(w.fd);
    w.fd = -1;
    spool_writer_free(&w);
}

static void a_torn_tail_is_cut_at_every_byte(void **state)
{
    struct fixture *f = *state;
    char path[SCRATCH_PATH];
    struct stat st;
    uint64_t before = 0;

    leave_unclosed(f, 1, 6, path);
    assert_int_equal(stat(path, &st), 0);
    for (off_t size = 0; size <= st.st_size; size++) {
        unlink(path);
        leave_unclosed(f, 1, 6, path);
        assert_int_equal(truncate(path, size), 0);
        reopen(f);
        uint64_t records = look(f).records;
        assert_true(records == before || records == before + 1);
        before = records;
        expect(f, 1, records + 1);
        assert_int_equal(files_like(f, "spool-"), 0); /* nothing was put aside */
    }
    assert_int_equal(before, 5);
}

static void flip(const char *path, off_t at)
{
    int fd = open(path, O_RDWR);
    unsigned char c;

    assert_int_equal(pread(fd, &c, 1, at), 1);
    c ^= 0x10;
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    close(fd);
}

static void remove_aside(struct fixture *f)
{
    DIR *dir = opendir(f->scratch.path);
    char path[SCRATCH_PATH];

    for (struct dirent *e; (e = readdir(dir));) {
        if (!strstr(e->d_name, ".aside-"))
            continue;
        snprintf(path, sizeof(path), "%s/%.40s", f->scratch.path, e->d_name);
        unlink(path);
    }
    closedir(dir);
}

/* A flipped byte costs the record that it is in, or, in the header, the segment, which is put
 * aside. The segment behind it is untouched. */
static void a_flipped_byte_costs_one_record(void **state)
{
    struct fixture *f = *state;
    char path[SCRATCH_PATH];
    struct stat st;

    save(f, 1, 6);
    assert_int_equal(stat(path_of(f, 1, path), &st), 0);
    expect(f, 1, 6);
    for (off_t at = 0; at < st.st_size; at++) {
        save(f, 1, 6);
        reopen(f); /* closes the first segment: the next one is another */
        save(f, 6, 11);
        unsigned number = 1;
        while (access(path_of(f, number, path), F_OK) != 0)
            number++;
        flip(path, at);
        reopen(f);
        assert_true(see_some(f, SIZE_MAX) >= 5);
        assert_int_equal(f->last, 10);
        uint64_t seen = f->count;
        if (at >= SPOOL_HEADER_BYTES)
            assert_true(seen == 9 || seen == 10); /* 10: what fills up a frame */
        advance(f);
        assert_true(spool_is_empty(f->spool));
        assert_int_equal(files_like(f, ".aside-"), seen == 10 ? 0 : 1);
        assert_int_equal(look(f).damaged, seen == 9 ? 1 : 0);
        remove_aside(f);
    }
}

static void a_segment_that_lost_its_end_is_put_aside(void **state)
{
    struct fixture *f = *state;
    char path[SCRATCH_PATH];

    save(f, 1, 101);
    reopen(f);
    save(f, 101, 111);
    assert_int_equal(truncate(path_of(f, 1, path), 5000), 0);
    size_t n = see_some(f, SIZE_MAX);
    assert_true(n > 20 && n < 50);
    assert_int_equal(f->last, 110);
    advance(f);
    assert_true(spool_is_empty(f->spool));
    assert_int_equal(look(f).damaged, 110 - n);
    assert_int_equal(look(f).records, 0);
    assert_int_equal(files_like(f, ".aside-"), 1);
}

static void a_segment_that_is_gone_holds_nothing_up(void **state)
{
    struct fixture *f = *state;
    char path[SCRATCH_PATH];

    save(f, 1, 101);
    reopen(f);
    save(f, 101, 111);
    unlink(path_of(f, 1, path));
    expect(f, 101, 111);
    assert_true(spool_is_empty(f->spool));
    assert_int_equal(look(f).damaged, 100);
    save(f, 111, 121);
    unlink(path_of(f, 3, path));
    expect(f, 1, 1);
    assert_true(spool_is_empty(f->spool));
}

static void foreign_files_are_left_alone_or_put_aside(void **state)
{
    struct fixture *f = *state;
    char path[SCRATCH_PATH];

    save(f, 1, 11);
    const char *names[] = {"spool-x", "spool-", "spoolish", "journal-0", "spool-1.aside-1"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        close(open(scratch_path(&f->scratch, "", names[i], path), O_CREAT | O_RDWR, 0600));
    int fd = open(scratch_path(&f->scratch, "", "spool-99", path), O_CREAT | O_RDWR, 0600);
    assert_int_equal(ftruncate(fd, 10000), 0);
    close(fd);
    reopen(f);
    assert_int_equal(files_like(f, "spool-99.aside-"), 1);
    save(f, 11, 21);
    assert_int_equal(access(scratch_path(&f->scratch, "", "spool-100", path), F_OK), 0);
    expect(f, 1, 21);
}

/* --- no room --- */

static void limit_files_to(rlim_t bytes)
{
    struct rlimit limit = {bytes, RLIM_INFINITY};

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The write that fails takes nothing with it, wherever in a record it fails. */
static void a_full_disk_loses_nothing(void **state)
{
    struct fixture *f = *state;

    save(f, 1, 6);
    uint64_t safe = look(f).bytes;
    for (uint64_t bytes = safe; bytes < safe + 300; bytes += 7) {
        limit_files_to(bytes);
        append(f, 6, 106);
        int rc = spool_save(f->spool);
        limit_files_to(RLIM_INFINITY);
        assert_int_equal(rc, -EFBIG);
        assert_int_equal(look(f).records, 5);
        assert_int_equal(see_some(f, SIZE_MAX), 5);
    }
    limit_files_to(10);
    struct record r = record_of(6);
    assert_true(spool_append(f->spool, &r, 1) < 0);
    spool_undo(f->spool);
    limit_files_to(RLIM_INFINITY);
    assert_int_equal(files_like(f, "spool-"), 1);
    save(f, 6, 11);
    reopen(f);
    expect(f, 1, 11);
}

static void a_full_buffer_that_cannot_be_written_is_told(void **state)
{
    struct fixture *f = *state;
    int rc = OK;

    limit_files_to(4096);
    for (uint64_t n = 1; rc == OK && n < 10000; n++) {
        struct record r = record_of(n);
        rc = spool_append(f->spool, &r, 1);
    }
    assert_int_equal(rc, -EFBIG);
    spool_undo(f->spool);
    limit_files_to(RLIM_INFINITY);
    assert_true(spool_is_empty(f->spool));
    assert_int_equal(files_like(f, "spool-"), 0);
    save(f, 1, 11);
    expect(f, 1, 11);
}

static void no_memory_is_told(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < 40; i++) { /* more segments than the first list holds */
        save(f, i * 10 + 1, i * 10 + 11);
        if (i % 2)
            reopen(f);
    }
    spool_close(f->spool);
    for (unsigned n = 1;; n++) {
        alloc_fail_at(n);
        int rc = open_with(f, MOST);
        if (!alloc_fail_hit()) {
            assert_int_equal(rc, OK);
            break;
        }
        assert_int_equal(rc, -ENOMEM);
        assert_null(f->spool);
    }
    expect(f, 1, 401);
    alloc_fail_at(0);
    for (uint64_t i = 0; i < 16; i++) { /* as many as the list holds at first */
        save(f, i + 1, i + 2);
        reopen(f);
    }
    struct record r = record_of(17);
    alloc_fail_at(1);
    assert_int_equal(spool_append(f->spool, &r, 1), -ENOMEM);
    assert_true(alloc_fail_hit());
    spool_undo(f->spool);
    save(f, 17, 18);
    expect(f, 1, 18);
    assert_int_equal(spool_open("/dev/null", MOST, &(struct spool *){NULL}), -ENOTDIR);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(first_in_first_out),
        TEST(it_goes_on_over_many_segments),
        TEST(segments_are_deleted_one_by_one),
        TEST(what_is_undone_was_never_there),
        TEST(what_was_not_advanced_is_read_after_a_start),
        TEST(it_has_a_size),
        TEST(a_torn_tail_is_cut_at_every_byte),
        TEST(a_flipped_byte_costs_one_record),
        TEST(a_segment_that_lost_its_end_is_put_aside),
        TEST(a_segment_that_is_gone_holds_nothing_up),
        TEST(foreign_files_are_left_alone_or_put_aside),
        TEST(a_full_disk_loses_nothing),
        TEST(a_full_buffer_that_cannot_be_written_is_told),
        TEST(no_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
