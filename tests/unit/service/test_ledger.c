/* test_ledger.c: records reach the database, once, whatever happens on the way. */

#include "repository/usage_repo.h"

#include "support/alloc_fail.h"
#include "support/ledger_rig.h"

enum { PLENTY_MS = LEDGER_RIG_PLENTY_MS };

static int start_with(struct ledger_rig *f, const char *store, unsigned workers)
{
    return ledger_rig_start(f, store, workers);
}

static void start(struct ledger_rig *f, unsigned workers)
{
    assert_int_equal(start_with(f, f->store.url, workers), OK);
}

static void append(struct journal *j, uint64_t from, uint64_t to)
{
    for (uint64_t n = from; n < to; n++) {
        struct record r = record_of(n);
        assert_int_equal(journal_append(j, &r), OK);
    }
}

static void a_stop_writes_everything(void **state)
{
    struct ledger_rig *f = *state;

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
    struct ledger_rig *f = *state;

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
    struct ledger_rig *f = *state;

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
    struct ledger_rig *f = *state;

    start(f, 1);
    assert_int_equal(repository_begin(f->store.db), OK);
    append(ledger_journal(f->ledger, 0), 1, 101);
    assert_int_equal(ledger_stop(f->ledger, 1), 100);
    start(f, 1);
    assert_int_equal(repository_end(f->store.db, OK), OK);
    assert_int_equal(ledger_stop(f->ledger, PLENTY_MS), 0);
    expect_rows(f, 100);
}

static void what_was_written_but_not_advanced_is_written_once(void **state)
{
    struct ledger_rig *f = *state;
    struct record batch[50];

    start(f, 1);
    assert_int_equal(repository_begin(f->store.db), OK); /* nothing is written meanwhile */
    append(ledger_journal(f->ledger, 0), 1, 101);
    assert_int_equal(ledger_stop(f->ledger, 1), 100);
    assert_int_equal(repository_end(f->store.db, OK), OK);
    for (uint64_t n = 0; n < 50; n++)
        batch[n] = record_of(n + 1);
    assert_int_equal(usage_repo_put(f->store.db, batch, 50), OK);
    expect_rows(f, 50);
    start(f, 1);
    assert_int_equal(ledger_stop(f->ledger, PLENTY_MS), 0);
    expect_rows(f, 100);
}

static void the_later_of_one_id_counts(void **state)
{
    struct ledger_rig *f = *state;
    struct record r = record_of(1);

    start(f, 1);
    struct journal *j = ledger_journal(f->ledger, 0);
    assert_int_equal(journal_append(j, &r), OK);
    append(j, 2, 1000);
    r.status = 6;
    assert_int_equal(journal_append(j, &r), OK);
    assert_int_equal(ledger_stop(f->ledger, PLENTY_MS), 0);
    expect_rows(f, 999);
    assert_int_equal(
        db_rig_number(f->store.db,
                      "SELECT count(*) FROM usage_logs WHERE status = 'client_closed'"),
        1);
}

static void journals_of_more_workers_are_replayed_and_removed(void **state)
{
    struct ledger_rig *f = *state;
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
        scratch_path(&f->store.scratch, "", name, path);
        assert_int_equal(access(path, F_OK), i < 2 ? 0 : -1);
    }
}

static void a_folder_has_one_ledger(void **state)
{
    struct ledger_rig *f = *state;
    struct ledger *first;

    start(f, 1);
    first = f->ledger;
    assert_int_equal(start_with(f, f->store.url, 1), -EBUSY);
    assert_null(f->ledger);
    assert_int_equal(ledger_stop(first, PLENTY_MS), 0);
    start(f, 1);
    assert_int_equal(ledger_stop(f->ledger, PLENTY_MS), 0);
    assert_int_equal(ledger_stop(NULL, 0), 0);
}

static void what_cannot_start_is_told(void **state)
{
    struct ledger_rig *f = *state;
    struct ledger_options options = ledger_rig_options(f, f->store.url, 1);

    assert_int_equal(start_with(f, f->store.url, 0), -EINVAL);
    options.folder = "/dev/null/journals";
    assert_int_equal(ledger_start(&options, &f->ledger), -ENOTDIR);
    options.folder = f->folder;
    options.journal_bytes = 100;
    assert_int_equal(ledger_start(&options, &f->ledger), -EINVAL);
    for (unsigned n = 1;; n++) {
        alloc_fail_at(n);
        int rc = start_with(f, f->store.url, 2);
        if (!alloc_fail_hit()) {
            assert_int_equal(rc, OK);
            break;
        }
        assert_int_equal(rc, -ENOMEM);
    }
    assert_int_equal(ledger_stop(f->ledger, PLENTY_MS), 0);
}

/* --- a gateway that dies --- */

/* The child's connections must be its own. */
static void close_store(struct ledger_rig *f)
{
    repository_close(f->store.db);
    f->store.db = NULL;
}

static void a_killed_process_loses_and_doubles_nothing(void **state)
{
    struct ledger_rig *f = *state;
    uint64_t from = 1;

    for (unsigned round = 0; round < 8; round++) {
        close_store(f);
        uint64_t last = ledger_rig_kill_one(f, f->store.url, from, round * 977 % 4000 + 100);
        start(f, 2);
        assert_int_equal(ledger_stop(f->ledger, PLENTY_MS), 0);
        store_rig_open(&f->store);
        int64_t rows = db_rig_number(f->store.db, "SELECT count(*) FROM usage_logs");
        assert_true((uint64_t)rows == last || (uint64_t)rows == last + 1);
        expect_rows(f, rows);
        from = (uint64_t)rows + 1;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(a_stop_writes_everything),
        LEDGER_TEST(a_full_journal_finds_room_again),
        LEDGER_TEST(without_a_database_records_wait_in_the_files),
        LEDGER_TEST(a_locked_database_is_waited_for),
        LEDGER_TEST(what_was_written_but_not_advanced_is_written_once),
        LEDGER_TEST(the_later_of_one_id_counts),
        LEDGER_TEST(journals_of_more_workers_are_replayed_and_removed),
        LEDGER_TEST(a_folder_has_one_ledger),
        LEDGER_TEST(what_cannot_start_is_told),
        LEDGER_TEST(a_killed_process_loses_and_doubles_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
