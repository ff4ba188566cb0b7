/* test_ledger.c: records reach the database, once, whatever happens on the way. */

#include "service/ledger.h"

#include "repository/repository.h"
#include "repository/usage_repo.h"
#include "service/journal.h"
#include "store/db.h"

#include "support/alloc_fail.h"
#include "support/scratch.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <setjmp.h>
#include <sys/wait.h>
#include <cmocka.h>

enum { JOURNAL_BYTES = 1 << 20, SPOOL_BYTES = 64 << 20, PLENTY_MS = 60000 };

struct fixture {
    struct scratch scratch;
    char url[SCRATCH_PATH], folder[SCRATCH_PATH];
    struct db *db;
    struct ledger *ledger;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char why[REPOSITORY_WHY];

    scratch_make(&f->scratch);
    scratch_path(&f->scratch, "sqlite:", "courier.db", f->url);
    scratch_path(&f->scratch, "", "deep/journals", f->folder);
    assert_int_equal(repository_open(slice_str(f->url), why, &f->db), OK);
    assert_int_equal(repository_migrate(f->db, NULL, why), OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    repository_close(f->db);
    scratch_remove(&f->scratch);
    free(f);
    return 0;
}

static int start_with(struct fixture *f, const char *store, unsigned workers)
{
    struct ledger_options options = {.store = slice_str(store),
                                     .folder = f->folder,
                                     .workers = workers,
                                     .journal_bytes = JOURNAL_BYTES,
                                     .spool_bytes = SPOOL_BYTES};

    return ledger_start(&options, &f->ledger);
}

static void start(struct fixture *f, unsigned workers)
{
    assert_int_equal(start_with(f, f->url, workers), OK);
}

static struct record record_of(uint64_t n)
{
    struct record r = {.created_wall_us = 1769860800000000 + n, .prompt_tokens = n};

    for (int i = 0; i < 8; i++)
        r.id.bytes[15 - i] = (unsigned char)(n >> 8 * i);
    snprintf(r.request_id, sizeof(r.request_id), "request-%llu", (unsigned long long)n);
    return r;
}

static void append(struct journal *j, uint64_t from, uint64_t to)
{
    for (uint64_t n = from; n < to; n++) {
        struct record r = record_of(n);
        assert_int_equal(journal_append(j, &r), OK);
    }
}

static int64_t number(struct fixture *f, const char *sql)
{
    struct db_statement *s;

    assert_int_equal(db_prepare(f->db, sql, &s), OK);
    assert_int_equal(db_step(s), DB_ROW);
    int64_t n = db_column_i64(s, 0);
    db_reset(s);
    return n;
}

/* Rows 1 … count, each once and whole. */
static void expect_rows(struct fixture *f, int64_t count)
{
    assert_int_equal(number(f, "SELECT count(*) FROM usage_logs"), count);
    assert_int_equal(number(f, "SELECT count(*) FROM usage_logs WHERE request_id = 'request-' || "
                               "prompt_tokens"),
                     count);
    assert_int_equal(number(f, "SELECT coalesce(max(prompt_tokens), 0) FROM usage_logs"), count);
}

static void a_stop_writes_everything(void **state)
{
    struct fixture *f = *state;

    start(f, 3);
    append(ledger_journal(f->ledger, 0), 1, 1001);
    append(ledger_journal(f->ledger, 1), 1001, 1101);
    append(ledger_journal(f->ledger, 2), 1101, 2201);
    assert_int_equal(ledger_stop(f->ledger, PLENTY_MS), 0);
    expect_rows(f, 2200);
    start(f, 3);
    assert_int_equal(ledger_backlog(f->ledger), 0);
    assert_int_equal(ledger_stop(f->ledger, PLENTY_MS), 0);
    expect_rows(f, 2200);
}

/* The thread goes on by itself: a full journal finds room again. */
static void a_full_journal_finds_room_again(void **state)
{
    struct fixture *f = *state;

    start(f, 1);
    struct journal *j = ledger_journal(f->ledger, 0);
    for (uint64_t n = 1; n <= 5000; n++) {
        struct record r = record_of(n);
        while (journal_append(j, &r) == -ENOSPC)
            sched_yield();
    }
    assert_int_equal(ledger_stop(f->ledger, PLENTY_MS), 0);
    expect_rows(f, 5000);
}

static void without_a_database_records_wait_in_the_files(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(start_with(f, "sqlite:/dev/null/courier.db", 2), OK);
    append(ledger_journal(f->ledger, 0), 1, 301);
    append(ledger_journal(f->ledger, 1), 301, 601);
    assert_int_equal(ledger_stop(f->ledger, 1), 600);
    start(f, 2);
    append(ledger_journal(f->ledger, 0), 601, 701);
    assert_int_equal(ledger_stop(f->ledger, PLENTY_MS), 0);
    expect_rows(f, 700);
}

static void a_locked_database_is_waited_for(void **state)
{
    struct fixture *f = *state;

    start(f, 1);
    assert_int_equal(repository_begin(f->db), OK);
    append(ledger_journal(f->ledger, 0), 1, 101);
    assert_int_equal(ledger_stop(f->ledger, 1), 100);
    start(f, 1);
    assert_int_equal(repository_end(f->db, OK), OK);
    assert_int_equal(ledger_stop(f->ledger, PLENTY_MS), 0);
    expect_rows(f, 100);
}

static void what_was_written_but_not_advanced_is_written_once(void **state)
{
    struct fixture *f = *state;
    struct record batch[50];

    start(f, 1);
    assert_int_equal(repository_begin(f->db), OK); /* nothing is written meanwhile */
    append(ledger_journal(f->ledger, 0), 1, 101);
    assert_int_equal(ledger_stop(f->ledger, 1), 100);
    assert_int_equal(repository_end(f->db, OK), OK);
    for (uint64_t n = 0; n < 50; n++)
        batch[n] = record_of(n + 1);
    assert_int_equal(usage_repo_put(f->db, batch, 50), OK);
    expect_rows(f, 50);
    start(f, 1);
    assert_int_equal(ledger_stop(f->ledger, PLENTY_MS), 0);
    expect_rows(f, 100);
}

static void the_later_of_one_id_counts(void **state)
{
    struct fixture *f = *state;
    struct record r = record_of(1);

    start(f, 1);
    struct journal *j = ledger_journal(f->ledger, 0);
    assert_int_equal(journal_append(j, &r), OK);
    append(j, 2, 1000);
    r.status = 6;
    assert_int_equal(journal_append(j, &r), OK);
    assert_int_equal(ledger_stop(f->ledger, PLENTY_MS), 0);
    expect_rows(f, 999);
    assert_int_equal(number(f, "SELECT count(*) FROM usage_logs WHERE status = 'client_closed'"),
                     1);
}

static void journals_of_more_workers_are_replayed_and_removed(void **state)
{
    struct fixture *f = *state;
    char path[SCRATCH_PATH];

    assert_int_equal(start_with(f, "sqlite:/dev/null/courier.db", 4), OK);
    for (unsigned i = 0; i < 4; i++)
        append(ledger_journal(f->ledger, i), i * 100 + 1, i * 100 + 101);
    assert_int_equal(ledger_stop(f->ledger, 1), 400);
    start(f, 2);
    assert_int_equal(ledger_stop(f->ledger, PLENTY_MS), 0);
    expect_rows(f, 400);
    for (unsigned i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof(name), "deep/journals/journal-%u", i);
        scratch_path(&f->scratch, "", name, path);
        assert_int_equal(access(path, F_OK), i < 2 ? 0 : -1);
    }
}

static void a_folder_has_one_ledger(void **state)
{
    struct fixture *f = *state;
    struct ledger *first;

    start(f, 1);
    first = f->ledger;
    assert_int_equal(start_with(f, f->url, 1), -EBUSY);
    assert_null(f->ledger);
    assert_int_equal(ledger_stop(first, PLENTY_MS), 0);
    start(f, 1);
    assert_int_equal(ledger_stop(f->ledger, PLENTY_MS), 0);
    assert_int_equal(ledger_stop(NULL, 0), 0);
}

static void what_cannot_start_is_told(void **state)
{
    struct fixture *f = *state;
    struct ledger_options options = {
        .store = slice_str(f->url), .workers = 1, .journal_bytes = JOURNAL_BYTES};

    assert_int_equal(start_with(f, f->url, 0), -EINVAL);
    options.folder = "/dev/null/journals";
    assert_int_equal(ledger_start(&options, &f->ledger), -ENOTDIR);
    options.folder = f->folder;
    options.journal_bytes = 100;
    assert_int_equal(ledger_start(&options, &f->ledger), -EINVAL);
    for (unsigned n = 1;; n++) {
        alloc_fail_at(n);
        int rc = start_with(f, f->url, 2);
        if (!alloc_fail_hit()) {
            assert_int_equal(rc, OK);
            break;
        }
        assert_int_equal(rc, -ENOMEM);
    }
    assert_int_equal(ledger_stop(f->ledger, PLENTY_MS), 0);
}

/* --- a gateway that dies --- */

static void run_until_killed(struct fixture *f, uint64_t from, int told)
{
    if (start_with(f, f->url, 2) < 0)
        _exit(1);
    for (uint64_t n = from;; n++) {
        struct record r = record_of(n);
        while (journal_append(ledger_journal(f->ledger, n % 2), &r) == -ENOSPC)
            sched_yield();
        if (write(told, &n, sizeof(n)) != (ssize_t)sizeof(n))
            _exit(2);
    }
}

static uint64_t kill_one(struct fixture *f, uint64_t from, unsigned after)
{
    int told[2], status;
    uint64_t n, last = from - 1;

    assert_int_equal(pipe(told), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(told[0]);
        run_until_killed(f, from, told[1]);
    }
    close(told[1]);
    while (read(told[0], &n, sizeof(n)) == (ssize_t)sizeof(n)) {
        last = n;
        if (n == from + after)
            kill(pid, SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    close(told[0]);
    return last;
}

/* The child's connections must be its own. */
static void close_store(struct fixture *f)
{
    repository_close(f->db);
    f->db = NULL;
}

static void open_store(struct fixture *f)
{
    char why[REPOSITORY_WHY];

    assert_int_equal(repository_open(slice_str(f->url), why, &f->db), OK);
}

static void a_killed_process_loses_and_doubles_nothing(void **state)
{
    struct fixture *f = *state;
    uint64_t from = 1;

    for (unsigned round = 0; round < 8; round++) {
        close_store(f);
        uint64_t last = kill_one(f, from, round * 977 % 4000 + 100);
        start(f, 2);
        assert_int_equal(ledger_stop(f->ledger, PLENTY_MS), 0);
        open_store(f);
        int64_t rows = number(f, "SELECT count(*) FROM usage_logs");
        assert_true((uint64_t)rows == last || (uint64_t)rows == last + 1);
        expect_rows(f, rows);
        from = (uint64_t)rows + 1;
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stop_writes_everything),
        TEST(a_full_journal_finds_room_again),
        TEST(without_a_database_records_wait_in_the_files),
        TEST(a_locked_database_is_waited_for),
        TEST(what_was_written_but_not_advanced_is_written_once),
        TEST(the_later_of_one_id_counts),
        TEST(journals_of_more_workers_are_replayed_and_removed),
        TEST(a_folder_has_one_ledger),
        TEST(what_cannot_start_is_told),
        TEST(a_killed_process_loses_and_doubles_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
