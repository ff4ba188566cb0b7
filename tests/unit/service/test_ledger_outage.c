/* test_ledger_outage.c: the database is away, slow to come back, or refuses: no record is lost,
 * none is there twice, and none holds up the others. */

#include "service/ledger.h"

#include "repository/repository.h"
#include "service/journal.h"
#include "store/db.h"

#include "support/scratch.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <setjmp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <cmocka.h>

enum { JOURNAL_BYTES = 1 << 20, SPOOL_BYTES = 64 << 20, PLENTY_MS = 60000 };

static const char away[] = "sqlite:/dev/null/courier.db";

struct fixture {
    struct scratch scratch;
    char url[SCRATCH_PATH], folder[SCRATCH_PATH];
    struct db *db;
    struct ledger *ledger;
    uint64_t spool_bytes;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char why[REPOSITORY_WHY];

    f->spool_bytes = SPOOL_BYTES;
    scratch_make(&f->scratch);
    scratch_path(&f->scratch, "sqlite:", "courier.db", f->url);
    scratch_path(&f->scratch, "", "journals", f->folder);
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

static void start(struct fixture *f, const char *store)
{
    struct ledger_options options = {.store = slice_str(store),
                                     .folder = f->folder,
                                     .workers = 2,
                                     .journal_bytes = JOURNAL_BYTES,
                                     .spool_bytes = f->spool_bytes};

    assert_int_equal(ledger_start(&options, &f->ledger), OK);
}

static struct record record_of(uint64_t n)
{
    struct record r = {.created_wall_us = 1769860800000000 + n, .prompt_tokens = n};

    for (int i = 0; i < 8; i++)
        r.id.bytes[15 - i] = (unsigned char)(n >> 8 * i);
    snprintf(r.request_id, sizeof(r.request_id), "request-%llu", (unsigned long long)n);
    return r;
}

/* As a worker that never gives up. */
static void append(struct fixture *f, uint64_t from, uint64_t to)
{
    for (uint64_t n = from; n < to; n++) {
        struct record r = record_of(n);
        while (journal_append(ledger_journal(f->ledger, n % 2), &r) == -ENOSPC)
            sched_yield();
    }
}

static struct ledger_state look(struct fixture *f)
{
    struct ledger_state state;

    ledger_look(f->ledger, &state);
    return state;
}

/* Until all that waits is in the spool. */
static void wait_until_spooled(struct fixture *f, uint64_t records)
{
    while (look(f).in_spool != records || look(f).in_journals != 0)
        sched_yield();
}

static void wait_until_written(struct fixture *f)
{
    while (ledger_backlog(f->ledger) != 0 || look(f).failing_since_wall_us)
        sched_yield();
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

static void expect_rows(struct fixture *f, int64_t count)
{
    assert_int_equal(number(f, "SELECT count(*) FROM usage_logs"), count);
    assert_int_equal(number(f, "SELECT count(*) FROM usage_logs WHERE request_id = 'request-' || "
                               "prompt_tokens"),
                     count);
}

static void stop(struct fixture *f, size_t left)
{
    assert_int_equal(ledger_stop(f->ledger, PLENTY_MS), left);
}

/* A server that was away at the start may be another installation's. */
static void nothing_is_written_before_it_is_admitted(void **state)
{
    struct fixture *f = *state;
    atomic_bool admitted = false;
    struct ledger_options options = {.store = slice_str(f->url),
                                     .folder = f->folder,
                                     .workers = 2,
                                     .journal_bytes = JOURNAL_BYTES,
                                     .spool_bytes = f->spool_bytes,
                                     .admitted = &admitted};

    assert_int_equal(ledger_start(&options, &f->ledger), OK);
    append(f, 0, 100);
    wait_until_spooled(f, 100);
    expect_rows(f, 0);
    atomic_store(&admitted, true);
    wait_until_written(f);
    expect_rows(f, 100);
    stop(f, 0);
}

/* More than the journals hold. */
static void an_outage_fills_the_spool_and_no_journal(void **state)
{
    struct fixture *f = *state;
    char path[SCRATCH_PATH];

    start(f, f->url);
    assert_int_equal(repository_begin(f->db), OK);
    append(f, 1, 20001);
    wait_until_spooled(f, 20000);
    struct ledger_state s = look(f);
    assert_true(s.failing_since_wall_us > 0);
    assert_int_equal(s.spool_failing_since_wall_us, 0);
    assert_in_range(s.oldest_wall_us, record_of(1).created_wall_us, record_of(2).created_wall_us);
    assert_true(s.spool_bytes > 20000 * 100 && s.spool_bytes < s.spool_most);
    assert_false(journal_is_tight(ledger_journal(f->ledger, 0)));
    assert_int_equal(repository_end(f->db, OK), OK);
    append(f, 20001, 21001);
    wait_until_written(f);
    while (look(f).oldest_wall_us)
        sched_yield();
    s = look(f);
    assert_int_equal(s.written, 21000);
    assert_int_equal(s.spool_bytes, 0);
    assert_int_equal(s.dropped, 0);
    assert_int_equal(access(scratch_path(&f->scratch, "", "journals/spool-1", path), F_OK), -1);
    stop(f, 0);
    expect_rows(f, 21000);
}

static void a_stop_leaves_all_in_the_spool(void **state)
{
    struct fixture *f = *state;

    start(f, away);
    append(f, 1, 5001);
    wait_until_spooled(f, 5000);
    append(f, 5001, 6001);
    stop(f, 6000); /* at once: it is known to be away */
    start(f, away);
    append(f, 6001, 6101);
    stop(f, 6100);
    start(f, f->url);
    append(f, 6101, 6201);
    wait_until_written(f);
    stop(f, 0);
    expect_rows(f, 6200);
}

/* The earlier one lies in the spool, the later one comes when the database is back. */
static void the_later_of_one_id_counts(void **state)
{
    struct fixture *f = *state;
    struct record r = record_of(1);

    start(f, away);
    append(f, 1, 10001);
    stop(f, 10000);
    start(f, f->url);
    r.status = 6;
    assert_int_equal(journal_append(ledger_journal(f->ledger, 1), &r), OK);
    wait_until_written(f);
    stop(f, 0);
    expect_rows(f, 10000);
    assert_int_equal(number(f, "SELECT count(*) FROM usage_logs WHERE status = 'client_closed'"),
                     1);
}

static void at_its_limit_the_journals_fill(void **state)
{
    struct fixture *f = *state;
    struct record r;
    uint64_t n = 0;

    f->spool_bytes = 1 << 20;
    start(f, away);
    struct journal *j = ledger_journal(f->ledger, 0);
    while (!journal_is_tight(j) || !look(f).spool_failing_since_wall_us) {
        r = record_of(n + 1);
        n += journal_append(j, &r) == OK;
    }
    while (journal_append(j, &r) == OK)
        n++;
    r = record_of(n);
    assert_true(journal_lose(j));
    assert_false(journal_lose(j));
    struct ledger_state s = look(f);
    assert_int_equal(s.dropped, 2);
    assert_true(s.spool_bytes > (1 << 20) - 10000 && s.spool_bytes <= 1 << 20);
    assert_int_equal(s.in_spool + s.in_journals, n);
    stop(f, n);
    start(f, f->url);
    wait_until_written(f);
    while (look(f).spool_failing_since_wall_us)
        sched_yield();
    assert_int_equal(look(f).written, n);
    stop(f, 0);
}

static void limit_files_to(rlim_t bytes)
{
    struct rlimit limit = {bytes, RLIM_INFINITY};

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_is_waited_for(void **state)
{
    struct fixture *f = *state;

    start(f, away);
    limit_files_to(20000);
    append(f, 1, 1001);
    while (!look(f).spool_failing_since_wall_us)
        sched_yield();
    limit_files_to(RLIM_INFINITY);
    wait_until_spooled(f, 1000);
    while (look(f).spool_failing_since_wall_us)
        sched_yield();
    stop(f, 1000);
    start(f, f->url);
    stop(f, 0);
    expect_rows(f, 1000);
}

/* --- what the database refuses --- */

static void refuse_some(struct fixture *f)
{
    assert_int_equal(db_exec(f->db, "CREATE TRIGGER picky BEFORE INSERT ON usage_logs "
                                    "WHEN new.prompt_tokens % 1000 = 777 BEGIN "
                                    "SELECT raise(ABORT, 'not this one'); END"),
                     OK);
}

static unsigned lines_of_rejects(struct fixture *f, const char *part)
{
    char path[SCRATCH_PATH], line[4096];
    FILE *file = fopen(scratch_path(&f->scratch, "", "journals/rejected.jsonl", path), "r");
    unsigned n = 0;

    while (file && fgets(line, sizeof(line), file)) {
        assert_true(line[0] == '{' && strstr(line, "}\n"));
        n += strstr(line, part) != NULL;
    }
    if (file)
        fclose(file);
    return n;
}

static void what_is_refused_holds_nobody_up(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    char path[SCRATCH_PATH];

    refuse_some(f);
    start(f, f->url);
    append(f, 1, 5001);
    append(f, 777, 778); /* alone, and again */
    wait_until_written(f);
    struct ledger_state s = look(f);
    assert_int_equal(s.rejected, 6);
    assert_int_equal(s.written, 4995);
    assert_int_equal(s.dropped, 0);
    stop(f, 0);
    expect_rows(f, 4995);
    assert_int_equal(lines_of_rejects(f, "\"why\":\"not this one\""), 6);
    assert_int_equal(lines_of_rejects(f, "\"request_id\":\"request-777\""), 2);
    assert_int_equal(lines_of_rejects(f, "\"prompt_tokens\":4777"), 1);
    assert_int_equal(stat(scratch_path(&f->scratch, "", "journals/rejected.jsonl", path), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void what_is_refused_from_the_spool_too(void **state)
{
    struct fixture *f = *state;

    refuse_some(f);
    start(f, away);
    append(f, 1, 5001);
    stop(f, 5000);
    start(f, f->url);
    wait_until_written(f);
    assert_int_equal(look(f).rejected, 5);
    stop(f, 0);
    expect_rows(f, 4995);
}

/* A database that refuses everything is one that is away. */
static void a_table_that_is_gone_is_no_records_fault(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(db_exec(f->db, "ALTER TABLE usage_logs RENAME TO elsewhere"), OK);
    start(f, f->url);
    append(f, 1, 2001);
    while (!look(f).failing_since_wall_us)
        sched_yield();
    wait_until_spooled(f, 2000);
    assert_int_equal(look(f).rejected, 0);
    assert_int_equal(db_exec(f->db, "ALTER TABLE elsewhere RENAME TO usage_logs"), OK);
    wait_until_written(f);
    stop(f, 0);
    expect_rows(f, 2000);
}

static void rejects_have_a_limit(void **state)
{
    struct fixture *f = *state;
    char path[SCRATCH_PATH];

    refuse_some(f);
    start(f, f->url);
    append(f, 777, 778);
    wait_until_written(f);
    assert_int_equal(
        truncate(scratch_path(&f->scratch, "", "journals/rejected.jsonl", path), 64 << 20), 0);
    append(f, 1777, 1779);
    wait_until_written(f);
    struct ledger_state s = look(f);
    assert_int_equal(s.rejected, 1);
    assert_int_equal(s.dropped, 1);
    stop(f, 0);
    expect_rows(f, 1);
}

/* --- a gateway that dies while it spools --- */

static void run_until_killed(struct fixture *f, const char *store, uint64_t from, int told)
{
    start(f, store);
    for (uint64_t n = from;; n++) {
        append(f, n, n + 1);
        if (write(told, &n, sizeof(n)) != (ssize_t)sizeof(n))
            _exit(2);
    }
}

static uint64_t kill_one(struct fixture *f, const char *store, uint64_t from, unsigned after)
{
    int told[2], status;
    uint64_t n, last = from - 1;

    assert_int_equal(pipe(told), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(told[0]);
        run_until_killed(f, store, from, told[1]);
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

/* Some with the database away, some with it there. */
static void a_killed_process_loses_and_doubles_nothing(void **state)
{
    struct fixture *f = *state;
    char why[REPOSITORY_WHY];
    uint64_t last = 0;

    repository_close(f->db); /* the child's connections must be its own */
    for (unsigned round = 0; round < 12; round++)
        last = kill_one(f, round % 3 == 2 ? f->url : away, last + 2, round * 977 % 4000 + 100);
    assert_int_equal(repository_open(slice_str(f->url), why, &f->db), OK);
    start(f, f->url);
    wait_until_written(f);
    assert_int_equal(look(f).dropped, 0);
    stop(f, 0);
    /* the number behind the last one told was perhaps written, and is left out by the next round */
    int64_t rows = number(f, "SELECT count(*) FROM usage_logs");
    assert_in_range(rows, last - 12, last + 1);
    expect_rows(f, rows);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_written_before_it_is_admitted),
        TEST(an_outage_fills_the_spool_and_no_journal),
        TEST(a_stop_leaves_all_in_the_spool),
        TEST(the_later_of_one_id_counts),
        TEST(at_its_limit_the_journals_fill),
        TEST(a_full_disk_is_waited_for),
        TEST(what_is_refused_holds_nobody_up),
        TEST(what_is_refused_from_the_spool_too),
        TEST(a_table_that_is_gone_is_no_records_fault),
        TEST(rejects_have_a_limit),
        TEST(a_killed_process_loses_and_doubles_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
