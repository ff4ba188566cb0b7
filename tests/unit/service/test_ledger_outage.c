/* test_ledger_outage.c: the database is away, slow to come back, or refuses: no record is lost,
 * none is there twice, and none holds up the others. */

#include "support/ledger_rig.h"

#include <sys/resource.h>
#include <sys/stat.h>

static const char away[] = "sqlite:/dev/null/courier.db";

static void start(struct ledger_rig *f, const char *store)
{
    assert_int_equal(ledger_rig_start(f, store, 2), OK);
}

static struct ledger_state look(struct ledger_rig *f)
{
    struct ledger_state state;

    ledger_look(f->ledger, &state);
    return state;
}

/* Until all that waits is in the spool. */
static void wait_until_spooled(struct ledger_rig *f, uint64_t records)
{
    while (look(f).in_spool != records || look(f).in_journals != 0)
        sched_yield();
}

static void wait_until_written(struct ledger_rig *f)
{
    while (ledger_backlog(f->ledger) != 0 || look(f).failing_since_wall_us)
        sched_yield();
}

static void stop(struct ledger_rig *f, size_t left)
{
    assert_int_equal(ledger_stop(f->ledger, LEDGER_RIG_PLENTY_MS), left);
}

/* A server that was away at the start may be another installation's. */
static void nothing_is_written_before_it_is_admitted(void **state)
{
    struct ledger_rig *f = *state;
    atomic_bool admitted = false;
    struct ledger_options options = ledger_rig_options(f, f->store.url, 2);

    options.admitted = &admitted;
    assert_int_equal(ledger_start(&options, &f->ledger), OK);
    ledger_rig_append(f, 0, 100);
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
    struct ledger_rig *f = *state;
    char path[SCRATCH_PATH];

    start(f, f->store.url);
    assert_int_equal(repository_begin(f->store.db), OK);
    ledger_rig_append(f, 1, 20001);
    wait_until_spooled(f, 20000);
    struct ledger_state s = look(f);
    assert_true(s.failing_since_wall_us > 0);
    assert_int_equal(s.spool_failing_since_wall_us, 0);
    assert_in_range(s.oldest_wall_us, record_of(1).created_wall_us, record_of(2).created_wall_us);
    assert_true(s.spool_bytes > 20000 * 100 && s.spool_bytes < s.spool_most);
    assert_false(journal_is_tight(ledger_journal(f->ledger, 0)));
    assert_int_equal(repository_end(f->store.db, OK), OK);
    ledger_rig_append(f, 20001, 21001);
    wait_until_written(f);
    while (look(f).oldest_wall_us)
        sched_yield();
    s = look(f);
    assert_int_equal(s.written, 21000);
    assert_int_equal(s.spool_bytes, 0);
    assert_int_equal(s.dropped, 0);
    assert_int_equal(
        access(scratch_path(&f->store.scratch, "", "deep/journals/spool-1", path), F_OK), -1);
    stop(f, 0);
    expect_rows(f, 21000);
}

static void a_stop_leaves_all_in_the_spool(void **state)
{
    struct ledger_rig *f = *state;

    start(f, away);
    ledger_rig_append(f, 1, 5001);
    wait_until_spooled(f, 5000);
    ledger_rig_append(f, 5001, 6001);
    stop(f, 6000); /* at once: it is known to be away */
    start(f, away);
    ledger_rig_append(f, 6001, 6101);
    stop(f, 6100);
    start(f, f->store.url);
    ledger_rig_append(f, 6101, 6201);
    wait_until_written(f);
    stop(f, 0);
    expect_rows(f, 6200);
}

/* The earlier one lies in the spool, the later one comes when the database is back. */
static void the_later_of_one_id_counts(void **state)
{
    struct ledger_rig *f = *state;
    struct record r = record_of(1);

    start(f, away);
    ledger_rig_append(f, 1, 10001);
    stop(f, 10000);
    start(f, f->store.url);
    r.status = 6;
    assert_int_equal(journal_append(ledger_journal(f->ledger, 1), &r), OK);
    wait_until_written(f);
    stop(f, 0);
    expect_rows(f, 10000);
    assert_int_equal(
        db_rig_number(f->store.db,
                      "SELECT count(*) FROM usage_logs WHERE status = 'client_closed'"),
        1);
}

static void at_its_limit_the_journals_fill(void **state)
{
    struct ledger_rig *f = *state;
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
    start(f, f->store.url);
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
    struct ledger_rig *f = *state;

    start(f, away);
    limit_files_to(20000);
    ledger_rig_append(f, 1, 1001);
    while (!look(f).spool_failing_since_wall_us)
        sched_yield();
    limit_files_to(RLIM_INFINITY);
    wait_until_spooled(f, 1000);
    while (look(f).spool_failing_since_wall_us)
        sched_yield();
    stop(f, 1000);
    start(f, f->store.url);
    stop(f, 0);
    expect_rows(f, 1000);
}

/* --- what the database refuses --- */

static void refuse_some(struct ledger_rig *f)
{
    assert_int_equal(db_exec(f->store.db, "CREATE TRIGGER picky BEFORE INSERT ON usage_logs "
                                          "WHEN new.prompt_tokens % 1000 = 777 BEGIN "
                                          "SELECT raise(ABORT, 'not this one'); END"),
                     OK);
}

static unsigned lines_of_rejects(struct ledger_rig *f, const char *part)
{
    char path[SCRATCH_PATH], line[4096];
    FILE *file =
        fopen(scratch_path(&f->store.scratch, "", "deep/journals/rejected.jsonl", path), "r");
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
    struct ledger_rig *f = *state;
    struct stat st;
    char path[SCRATCH_PATH];

    refuse_some(f);
    start(f, f->store.url);
    ledger_rig_append(f, 1, 5001);
    ledger_rig_append(f, 777, 778); /* alone, and again */
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
    assert_int_equal(
        stat(scratch_path(&f->store.scratch, "", "deep/journals/rejected.jsonl", path), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void what_is_refused_from_the_spool_too(void **state)
{
    struct ledger_rig *f = *state;

    refuse_some(f);
    start(f, away);
    ledger_rig_append(f, 1, 5001);
    stop(f, 5000);
    start(f, f->store.url);
    wait_until_written(f);
    assert_int_equal(look(f).rejected, 5);
    stop(f, 0);
    expect_rows(f, 4995);
}

/* A database that refuses everything is one that is away. */
static void a_table_that_is_gone_is_no_records_fault(void **state)
{
    struct ledger_rig *f = *state;

    assert_int_equal(db_exec(f->store.db, "ALTER TABLE usage_logs RENAME TO elsewhere"), OK);
    start(f, f->store.url);
    ledger_rig_append(f, 1, 2001);
    while (!look(f).failing_since_wall_us)
        sched_yield();
    wait_until_spooled(f, 2000);
    assert_int_equal(look(f).rejected, 0);
    assert_int_equal(db_exec(f->store.db, "ALTER TABLE elsewhere RENAME TO usage_logs"), OK);
    wait_until_written(f);
    stop(f, 0);
    expect_rows(f, 2000);
}

static void rejects_have_a_limit(void **state)
{
    struct ledger_rig *f = *state;
    char path[SCRATCH_PATH];

    refuse_some(f);
    start(f, f->store.url);
    ledger_rig_append(f, 777, 778);
    wait_until_written(f);
    assert_int_equal(
        truncate(scratch_path(&f->store.scratch, "", "deep/journals/rejected.jsonl", path),
                 64 << 20),
        0);
    ledger_rig_append(f, 1777, 1779);
    wait_until_written(f);
    struct ledger_state s = look(f);
    assert_int_equal(s.rejected, 1);
    assert_int_equal(s.dropped, 1);
    stop(f, 0);
    expect_rows(f, 1);
}

/* --- a gateway that dies while it spools --- */

/* Some with the database away, some with it there. */
static void a_killed_process_loses_and_doubles_nothing(void **state)
{
    struct ledger_rig *f = *state;
    uint64_t last = 0;

    repository_close(f->store.db); /* the child's connections must be its own */
    for (unsigned round = 0; round < 12; round++)
        last = ledger_rig_kill_one(f, round % 3 == 2 ? f->store.url : away, last + 2,
                                   round * 977 % 4000 + 100);
    store_rig_open(&f->store);
    start(f, f->store.url);
    wait_until_written(f);
    assert_int_equal(look(f).dropped, 0);
    stop(f, 0);
    /* the number behind the last one told was perhaps written, and is left out by the next round */
    int64_t rows = db_rig_number(f->store.db, "SELECT count(*) FROM usage_logs");
    assert_in_range(rows, last - 12, last + 1);
    expect_rows(f, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(nothing_is_written_before_it_is_admitted),
        LEDGER_TEST(an_outage_fills_the_spool_and_no_journal),
        LEDGER_TEST(a_stop_leaves_all_in_the_spool),
        LEDGER_TEST(the_later_of_one_id_counts),
        LEDGER_TEST(at_its_limit_the_journals_fill),
        LEDGER_TEST(a_full_disk_is_waited_for),
        LEDGER_TEST(what_is_refused_holds_nobody_up),
        LEDGER_TEST(what_is_refused_from_the_spool_too),
        LEDGER_TEST(a_table_that_is_gone_is_no_records_fault),
        LEDGER_TEST(rejects_have_a_limit),
        LEDGER_TEST(a_killed_process_loses_and_doubles_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
