/* test_journal_kill.c: a writer is killed with SIGKILL at any moment; what it had been told is
 * appended is there afterwards, whole, once and in order.
 *
 * The child writes the number of each record into a pipe after journal_append has returned; the
 * parent kills it after some of them, so the moment falls anywhere in the next appends. */

#include "service/journal.h"

#include "support/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <setjmp.h>
#include <sys/wait.h>
#include <cmocka.h>

enum {
    SMALL = 1 << 20, /* 1,472 records: the writer goes round and round */
    LARGE = 1 << 23, /* 11,840: holds what several writers leave */
    PIPE = 4096,     /* 512 numbers: no writer runs further ahead */
    ROUNDS = 60,
    READ = 128,
};

static size_t file_bytes;

static struct record record_of(uint64_t n)
{
    struct record r = {.created_wall_us = n, .prompt_tokens = n * 3, .latency_ms = (uint32_t)n};

    memset(r.request_id, 'a' + (int)(n % 26), n % RECORD_REQUEST_ID);
    memset(r.served_model, 'a' + (int)(n % 25), n * 7 % RECORD_MODEL);
    return r;
}

static void expect_whole(const struct record *r)
{
    struct record wanted = record_of(r->created_wall_us);

    assert_memory_equal(r, &wanted, offsetof(struct record, request_id));
    assert_string_equal(r->request_id, wanted.request_id);
    assert_string_equal(r->served_model, wanted.served_model);
}

/* Appends numbers from `from` until it is killed; reads and advances too when the journal is full,
 * as the ledger would. */
static void write_until_killed(const char *path, uint64_t from, int told)
{
    struct record read[READ];
    struct journal *j;

    if (journal_open(path, file_bytes, &j) < 0)
        _exit(1);
    for (uint64_t n = from;; n++) {
        struct record r = record_of(n);
        int rc = journal_append(j, &r);
        if (rc == -ENOSPC)
            _exit(2);
        if (write(told, &n, sizeof(n)) != (ssize_t)sizeof(n))
            _exit(3);
        if (journal_is_tight(j))
            journal_advance(j, journal_read(j, 0, read, READ) / 2);
    }
}

static uint64_t read_numbers(int from, unsigned count)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < count; i++) {
        if (read(from, &n, sizeof(n)) != (ssize_t)sizeof(n))
            break;
    }
    return n;
}

/* Kills after `count` reports; returns the last number reported. */
static uint64_t run_writer(const char *path, uint64_t from, unsigned count)
{
    int told[2], status;
    uint64_t n, last;

    assert_int_equal(pipe(told), 0);
    assert_true(fcntl(told[1], F_SETPIPE_SZ, PIPE) > 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(told[0]);
        write_until_killed(path, from, told[1]);
    }
    close(told[1]);
    last = read_numbers(told[0], count);
    kill(pid, SIGKILL);
    while (read(told[0], &n, sizeof(n)) == (ssize_t)sizeof(n))
        last = n;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    close(told[0]);
    return last;
}

/* Reads the journal to its end: ascending without gaps up to at least `last`. */
static uint64_t replay(const char *path, uint64_t last)
{
    struct record read[READ];
    struct journal *j;
    uint64_t next = 0;
    size_t n;

    assert_int_equal(journal_open(path, file_bytes, &j), OK);
    while ((n = journal_read(j, 0, read, READ)) > 0) {
        for (size_t i = 0; i < n; i++) {
            expect_whole(&read[i]);
            assert_true(next == 0 || read[i].created_wall_us == next);
            next = read[i].created_wall_us + 1;
        }
        journal_advance(j, n);
    }
    journal_close(j);
    assert_true(next == last + 1 || next == last + 2); /* the last one was not yet reported */
    return next;
}

static void what_was_reported_is_there(void **state)
{
    struct scratch scratch;
    char path[SCRATCH_PATH];
    uint64_t from = 1;
    unsigned seed = 7;

    (void)state;
    file_bytes = SMALL;
    scratch_make(&scratch);
    scratch_path(&scratch, "", "journal-0", path);
    for (int round = 0; round < ROUNDS; round++) {
        seed = seed * 1103515245 + 12345;
        uint64_t last = run_writer(path, from, 1 + seed / 65536 % 3000);
        from = replay(path, last);
    }
    scratch_remove(&scratch);
}

/* Killed again and again without a replay between: everything is still there at the end. */
static void several_deaths_add_up(void **state)
{
    struct scratch scratch;
    char path[SCRATCH_PATH];
    uint64_t from = 1, last = 0;
    struct record read[READ];
    struct journal *j;

    (void)state;
    file_bytes = LARGE;
    scratch_make(&scratch);
    scratch_path(&scratch, "", "journal-0", path);
    for (int round = 0; round < 6; round++) {
        last = run_writer(path, from, 20);
        assert_int_equal(journal_open(path, file_bytes, &j), OK);
        assert_true(journal_backlog(j) >= last);
        journal_close(j);
        from = last + 2; /* one more may have been written */
    }
    assert_int_equal(journal_open(path, file_bytes, &j), OK);
    uint64_t seen = 0;
    for (size_t n; (n = journal_read(j, 0, read, READ)) > 0; journal_advance(j, n)) {
        for (size_t i = 0; i < n; i++) {
            expect_whole(&read[i]);
            assert_true(read[i].created_wall_us > seen && read[i].created_wall_us <= seen + 2);
            seen = read[i].created_wall_us;
        }
    }
    assert_true(seen == last || seen == last + 1);
    journal_close(j);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_reported_is_there),
        cmocka_unit_test(several_deaths_add_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
