/* test_journal.c: the ring file: order, limits, replay, and files that are not ours. */

#include "service/journal.h"

#include "service/journal_file.h"

#include "support/alloc_fail.h"
#include "support/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

enum { SEGMENTS = 8, SLOTS = JOURNAL_SEGMENT_SLOTS, ALL = SEGMENTS * SLOTS };

static const size_t file_bytes = JOURNAL_HEADER_BYTES + SEGMENTS * sizeof(struct journal_segment);

struct fixture {
    struct scratch scratch;
    char path[SCRATCH_PATH];
    struct journal *journal;
    struct record read[ALL];
};

static void open_journal(struct fixture *f)
{
    assert_int_equal(journal_open(f->path, file_bytes, &f->journal), OK);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    scratch_make(&f->scratch);
    scratch_path(&f->scratch, "", "journal-0", f->path);
    open_journal(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    journal_close(f->journal);
    scratch_remove(&f->scratch);
    free(f);
    return 0;
}

static struct record record_of(uint64_t n)
{
    struct record r = {.created_wall_us = n, .endpoint = "/v1/chat/completions"};

    memset(r.id.bytes, (int)(n % 251), sizeof(r.id.bytes));
    snprintf(r.request_id, sizeof(r.request_id), "request-%llu", (unsigned long long)n);
    return r;
}

static void append(struct fixture *f, uint64_t from, uint64_t to)
{
    for (uint64_t n = from; n < to; n++) {
        struct record r = record_of(n);
        assert_int_equal(journal_append(f->journal, &r), OK);
    }
}

/* Reads up to n and expects `count` records that go on from `from`. */
static void expect(struct fixture *f, size_t n, uint64_t from, size_t count)
{
    assert_int_equal(journal_read(f->journal, 0, f->read, n), count);
    for (size_t i = 0; i < count; i++) {
        struct record r = record_of(from + i);
        assert_memory_equal(&f->read[i], &r, offsetof(struct record, request_id));
        assert_string_equal(f->read[i].request_id, r.request_id);
        assert_string_equal(f->read[i].endpoint, r.endpoint);
        assert_string_equal(f->read[i].error_code, "");
    }
}

static void records_come_in_order_until_advanced(void **state)
{
    struct fixture *f = *state;

    expect(f, 10, 0, 0);
    append(f, 1, 11);
    assert_int_equal(journal_backlog(f->journal), 10);
    expect(f, 4, 1, 4);
    expect(f, 4, 1, 4);
    journal_advance(f->journal, 3);
    expect(f, 100, 4, 7);
    journal_advance(f->journal, 7);
    expect(f, 100, 0, 0);
    assert_int_equal(journal_backlog(f->journal), 0);
}

static void reading_goes_on_behind_what_was_read(void **state)
{
    struct fixture *f = *state;

    append(f, 1, 11);
    assert_int_equal(journal_read(f->journal, 7, f->read, 100), 3);
    assert_int_equal(f->read[0].created_wall_us, 8);
    assert_int_equal(journal_read(f->journal, 10, f->read, 100), 0);
    assert_int_equal(journal_backlog(f->journal), 10);
}

static void the_longest_texts_survive(void **state)
{
    struct fixture *f = *state;
    struct record r, back;

    memset(&r, 'x', sizeof(r));
    r.request_id[RECORD_REQUEST_ID] = r.requested_model[RECORD_MODEL] = '\0';
    r.served_model[RECORD_MODEL] = r.provider[RECORD_NAME] = r.error_code[RECORD_NAME] = '\0';
    r.endpoint[sizeof(r.endpoint) - 1] = '\0';
    assert_int_equal(journal_append(f->journal, &r), OK);
    assert_int_equal(journal_read(f->journal, 0, &back, 1), 1);
    assert_memory_equal(&back, &r, offsetof(struct record, error_code) + sizeof(r.error_code));
}

static void what_stands_behind_a_text_stays_out_of_the_file(void **state)
{
    struct fixture *f = *state;
    struct record r;
    char *bytes = calloc(1, file_bytes);

    memset(&r, 0x5a, sizeof(r));
    record_text(r.request_id, sizeof(r.request_id), SLICE("a"));
    record_text(r.endpoint, sizeof(r.endpoint), SLICE("b"));
    record_text(r.requested_model, sizeof(r.requested_model), SLICE("c"));
    record_text(r.served_model, sizeof(r.served_model), SLICE("d"));
    record_text(r.provider, sizeof(r.provider), SLICE("e"));
    record_text(r.error_code, sizeof(r.error_code), SLICE("f"));
    assert_int_equal(journal_append(f->journal, &r), OK);
    int fd = open(f->path, O_RDONLY);
    assert_int_equal(pread(fd, bytes, file_bytes, 0), file_bytes);
    close(fd);
    size_t seen = 0;
    for (size_t i = JOURNAL_HEADER_BYTES; i < file_bytes; i++)
        seen += bytes[i] == 0x5a;
    assert_true(seen <= offsetof(struct record, request_id));
    free(bytes);
}

static void a_full_journal_says_so(void **state)
{
    struct fixture *f = *state;
    struct record r = record_of(0);

    append(f, 1, ALL + 1);
    assert_int_equal(journal_append(f->journal, &r), -ENOSPC);
    assert_int_equal(journal_append(f->journal, &r), -ENOSPC);
    assert_int_equal(journal_backlog(f->journal), ALL);
    expect(f, ALL, 1, ALL);
    journal_advance(f->journal, SLOTS - 1);
    assert_int_equal(journal_append(f->journal, &r), -ENOSPC); /* one is left in the segment */
    journal_advance(f->journal, 1);
    append(f, ALL + 1, ALL + SLOTS + 1);
    assert_int_equal(journal_append(f->journal, &r), -ENOSPC);
    expect(f, ALL, SLOTS + 1, ALL);
}

static void tight_begins_at_three_quarters(void **state)
{
    struct fixture *f = *state;
    size_t room = (SEGMENTS - 1) * SLOTS;

    append(f, 0, room / 4 * 3 - 1);
    assert_false(journal_is_tight(f->journal));
    append(f, 0, 1);
    assert_true(journal_is_tight(f->journal));
    journal_read(f->journal, 0, f->read, 1);
    journal_advance(f->journal, 1);
    assert_false(journal_is_tight(f->journal));
}

/* A reader that keeps up makes the writer stay in the first segments of the file. */
static void a_journal_that_is_drained_stays_small(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    struct journal_segment segment;

    for (uint64_t n = 1; n < 40 * ALL; n += 100) {
        append(f, n, n + 100);
        expect(f, ALL, n, 100);
        journal_advance(f->journal, 100);
    }
    int fd = open(f->path, O_RDONLY);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, file_bytes);
    off_t at = (off_t)(JOURNAL_HEADER_BYTES + 3 * sizeof(segment));
    assert_int_equal(pread(fd, &segment, sizeof(segment), at), sizeof(segment));
    assert_int_equal(segment.slots[0].sequence, 0);
    close(fd);
}

static void the_unread_are_there_after_reopening(void **state)
{
    struct fixture *f = *state;

    for (uint64_t n = 1, round = 0; round < 200; round++) {
        uint64_t count = round * 7 % 150 + 1, taken = round * 5 % count;
        append(f, n, n + count);
        expect(f, ALL, n, count);
        journal_advance(f->journal, taken);
        journal_close(f->journal);
        open_journal(f);
        expect(f, ALL, n + taken, count - taken);
        journal_advance(f->journal, count - taken);
        n += count;
        if (round % 3 == 0) {
            journal_close(f->journal);
            open_journal(f);
        }
        expect(f, ALL, 0, 0);
        assert_int_equal(journal_backlog(f->journal), 0);
    }
}

static void a_full_file_is_replayed_and_goes_on(void **state)
{
    struct fixture *f = *state;
    struct record r = record_of(0);

    append(f, 1, ALL + 1);
    journal_close(f->journal);
    open_journal(f);
    assert_int_equal(journal_append(f->journal, &r), -ENOSPC);
    expect(f, ALL, 1, ALL);
    journal_advance(f->journal, SLOTS);
    append(f, ALL + 1, ALL + SLOTS + 1);
    expect(f, ALL, SLOTS + 1, ALL);
}

static void write_at(struct fixture *f, off_t at, const void *bytes, size_t n)
{
    int fd = open(f->path, O_WRONLY);

    assert_int_equal(pwrite(fd, bytes, n, at), n);
    close(fd);
}

static off_t place_of(unsigned slot)
{
    return JOURNAL_HEADER_BYTES + (off_t)slot * JOURNAL_SLOT_BYTES;
}

static void torn_records_are_passed_over(void **state)
{
    struct fixture *f = *state;

    append(f, 1, 101);
    journal_close(f->journal);
    write_at(f, place_of(0) + 30, "torn", 4);  /* the first */
    write_at(f, place_of(49) + 30, "torn", 4); /* in the middle */
    write_at(f, place_of(50) + 30, "torn", 4);
    write_at(f, place_of(98) + 30, "torn", 4); /* the last two */
    write_at(f, place_of(99), "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
    open_journal(f);
    expect(f, ALL, 2, 48);
    journal_advance(f->journal, 48);
    expect(f, ALL, 52, 47);
    journal_advance(f->journal, 47);
    expect(f, ALL, 0, 0);
    assert_int_equal(journal_backlog(f->journal), 0);
    append(f, 200, 300);
    expect(f, ALL, 200, 100);
}

/* Any byte of a slot may be anything: what is read was written, or nothing is. */
static void no_damaged_slot_is_believed(void **state)
{
    struct fixture *f = *state;
    struct record r = record_of(1);

    append(f, 1, 2);
    journal_close(f->journal);
    for (off_t at = 0; at < JOURNAL_SLOT_BYTES; at++) {
        char was, now;
        int fd = open(f->path, O_RDWR);
        assert_int_equal(pread(fd, &was, 1, place_of(0) + at), 1);
        now = (char)(was ^ 0x11);
        assert_int_equal(pwrite(fd, &now, 1, place_of(0) + at), 1);
        open_journal(f);
        size_t n = journal_read(f->journal, 0, f->read, 1);
        if (n == 1)
            assert_string_equal(f->read[0].request_id, r.request_id);
        journal_close(f->journal);
        assert_int_equal(pwrite(fd, &was, 1, place_of(0) + at), 1);
        uint64_t mark = 1;
        assert_int_equal(pwrite(fd, &mark, 8, offsetof(struct journal_header, mark)), 8);
        close(fd);
    }
    open_journal(f);
    expect(f, 1, 1, 1);
}

/* A power cut may keep old pages and lose young ones, the header's among them. */
static void a_mark_far_behind_is_survived(void **state)
{
    struct fixture *f = *state;
    uint64_t one = 1;

    for (uint64_t n = 1; n < 20 * SLOTS; n += SLOTS) {
        append(f, n, n + SLOTS);
        expect(f, ALL, n, SLOTS);
        journal_advance(f->journal, SLOTS);
    }
    append(f, 20 * SLOTS + 1, 20 * SLOTS + 31);
    journal_close(f->journal);
    write_at(f, offsetof(struct journal_header, mark), &one, sizeof(one));
    open_journal(f);
    size_t n = journal_read(f->journal, 0, f->read, ALL);
    while (n && f->read[0].created_wall_us < 20 * SLOTS) { /* old ones again: harmless */
        journal_advance(f->journal, 1);
        n = journal_read(f->journal, 0, f->read, ALL);
    }
    expect(f, ALL, 20 * SLOTS + 1, 30);
    journal_advance(f->journal, 30);
    assert_int_equal(journal_read(f->journal, 0, f->read, ALL), 0);
    append(f, 1, ALL + 1);
}

static unsigned files_aside(struct fixture *f)
{
    DIR *dir = opendir(f->scratch.path);
    struct dirent *entry;
    unsigned n = 0;

    while ((entry = readdir(dir)))
        n += strstr(entry->d_name, ".aside-") != NULL;
    closedir(dir);
    return n;
}

static void another_version_with_records_is_put_aside(void **state)
{
    struct fixture *f = *state;
    uint32_t version = RECORD_VERSION + 1;

    append(f, 1, 2);
    journal_close(f->journal);
    write_at(f, offsetof(struct journal_header, record_version), &version, sizeof(version));
    open_journal(f);
    assert_int_equal(files_aside(f), 1);
    expect(f, ALL, 0, 0);
    append(f, 1, 10);
    expect(f, ALL, 1, 9);
}

static void another_version_without_records_is_made_anew(void **state)
{
    struct fixture *f = *state;
    uint32_t version = RECORD_VERSION + 1;

    journal_close(f->journal);
    write_at(f, offsetof(struct journal_header, record_version), &version, sizeof(version));
    open_journal(f);
    assert_int_equal(files_aside(f), 0);
    append(f, 1, 10);
}

static void a_foreign_file_is_put_aside(void **state)
{
    struct fixture *f = *state;

    journal_close(f->journal);
    write_at(f, 0, "something else entirely", 23);
    open_journal(f);
    assert_int_equal(files_aside(f), 1);
    append(f, 1, 10);
    journal_close(f->journal);

    /* a truncated one of ours too */
    assert_int_equal(truncate(f->path, 40000), 0);
    open_journal(f);
    assert_int_equal(files_aside(f), 2);
    append(f, 1, 10);
}

static void a_half_made_file_is_made_again(void **state)
{
    struct fixture *f = *state;

    journal_close(f->journal);
    assert_int_equal(truncate(f->path, 0), 0);
    open_journal(f);
    journal_close(f->journal);
    assert_int_equal(truncate(f->path, 0), 0);
    assert_int_equal(truncate(f->path, 100000), 0);
    open_journal(f);
    assert_int_equal(files_aside(f), 0);
    append(f, 1, 10);
}

static void the_size_changes_only_when_nothing_is_unread(void **state)
{
    struct fixture *f = *state;
    struct record r = record_of(1);
    struct stat st;

    append(f, 1, 3);
    journal_close(f->journal);
    assert_int_equal(journal_open(f->path, file_bytes * 2, &f->journal), OK);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_size, file_bytes);
    expect(f, ALL, 1, 2);
    journal_advance(f->journal, 2);
    journal_close(f->journal);
    assert_int_equal(journal_open(f->path, file_bytes * 2, &f->journal), OK);
    assert_int_equal(stat(f->path, &st), 0);
    assert_true(st.st_size > (off_t)file_bytes * 3 / 2);
    assert_int_equal(journal_append(f->journal, &r), OK);
}

static size_t synced_bytes;

int msync(void *at, size_t n, int flags)
{
    synced_bytes += n;
    return (int)syscall(SYS_msync, at, n, flags);
}

/* Bytes that a call syncs. */
static size_t sync_journal(struct fixture *f)
{
    synced_bytes = 0;
    assert_int_equal(journal_sync(f->journal), OK);
    return synced_bytes;
}

static void what_stays_unread_is_synced_once(void **state)
{
    struct fixture *f = *state;
    const size_t segment = sizeof(struct journal_segment);

    assert_int_equal(sync_journal(f), 0);
    append(f, 1, 4);
    assert_int_equal(sync_journal(f), 0); /* it may be read before the next call */
    assert_int_equal(sync_journal(f), segment);
    assert_int_equal(sync_journal(f), 0);
    append(f, 4, SLOTS + 4); /* into the second segment */
    assert_int_equal(sync_journal(f), 0);
    assert_int_equal(sync_journal(f), 2 * segment);
    append(f, SLOTS + 4, SLOTS + 14);
    assert_int_equal(sync_journal(f), 0);
    expect(f, ALL, 1, SLOTS + 13);
    journal_advance(f->journal, SLOTS + 13);
    assert_int_equal(sync_journal(f), 0); /* the database has it */
}

static void too_small_and_nowhere_are_refused(void **state)
{
    struct fixture *f = *state;
    struct journal *j;
    char path[SCRATCH_PATH];

    scratch_path(&f->scratch, "", "other", path);
    assert_int_equal(journal_open(path, 4096, &j), -EINVAL);
    assert_null(j);
    assert_int_equal(journal_open("/nowhere/at/all", file_bytes, &j), -ENOENT);
    assert_int_equal(journal_open(path, (size_t)1 << 50, &j) < 0, 1);
    for (unsigned n = 1;; n++) {
        alloc_fail_at(n);
        int rc = journal_open(path, file_bytes, &j);
        if (!alloc_fail_hit()) {
            assert_int_equal(rc, OK);
            break;
        }
        assert_int_equal(rc, -ENOMEM);
    }
    journal_close(j);
    journal_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_come_in_order_until_advanced),
        TEST(reading_goes_on_behind_what_was_read),
        TEST(the_longest_texts_survive),
        TEST(what_stands_behind_a_text_stays_out_of_the_file),
        TEST(a_full_journal_says_so),
        TEST(tight_begins_at_three_quarters),
        TEST(a_journal_that_is_drained_stays_small),
        TEST(the_unread_are_there_after_reopening),
        TEST(a_full_file_is_replayed_and_goes_on),
        TEST(torn_records_are_passed_over),
        TEST(no_damaged_slot_is_believed),
        TEST(a_mark_far_behind_is_survived),
        TEST(another_version_with_records_is_put_aside),
        TEST(another_version_without_records_is_made_anew),
        TEST(a_foreign_file_is_put_aside),
        TEST(a_half_made_file_is_made_again),
        TEST(the_size_changes_only_when_nothing_is_unread),
        TEST(what_stays_unread_is_synced_once),
        TEST(too_small_and_nowhere_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
