/* test_ledger_writer.c: which record is put away when one of them is refused; batches that take too
 * long. */

#include "service/ledger_writer.h"

#include "repository/repository.h"
#include "service/journal.h"
#include "service/ledger.h"
#include "store/db.h"

#include "support/db_rig.h"

#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

enum { BAD = 777, GOOD = 1 };

struct fixture {
    struct scratch scratch;
    char url[POSTGRES_URL], folder[SCRATCH_PATH];
    struct db *db;
    struct ledger_queue queue;
    struct ledger_writer writer;
    int (*take)(struct record_taker *taker, const struct record *records, size_t n);
    bool moves; /* what waits goes into the spool once a record was refused */
    bool done;
};

static const char picky[] = "CREATE TRIGGER picky BEFORE INSERT ON usage_logs "
                            "WHEN new.prompt_tokens = 777 BEGIN "
                            "SELECT raise(ABORT, 'not this one'); END";
/* As a disk that is overloaded, or a table with an index too many: a few rows go through. */
static const char slow[] =
    "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "IF (SELECT count(*) FROM added) > 32 THEN PERFORM pg_sleep(600); END IF; RETURN NULL; END $$;"
    "CREATE TRIGGER slow AFTER INSERT ON usage_logs REFERENCING NEW TABLE AS added "
    "FOR EACH STATEMENT EXECUTE FUNCTION slow()";

/* *state: the store. */
static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    bool postgres = strcmp(*state, "postgres") == 0;
    char why[REPOSITORY_WHY];

    scratch_make(&f->scratch);
    if (postgres)
        postgres_make(f->url);
    else
        scratch_path(&f->scratch, "sqlite:", "courier.db", f->url);
    scratch_path(&f->scratch, "", "journals", f->folder);
    assert_int_equal(repository_open(slice_str(f->url), why, &f->db), OK);
    assert_int_equal(repository_migrate(f->db, NULL, why), OK);
    assert_int_equal(db_exec(f->db, postgres ? slow : picky), OK);
    const struct ledger_options options = {
        .folder = f->folder, .workers = 2, .journal_bytes = 4 << 20, .spool_bytes = 1 << 20};
    assert_int_equal(ledger_queue_init(&f->queue), OK);
    assert_int_equal(ledger_queue_open(&f->queue, &options), OK);
    assert_int_equal(ledger_writer_init(&f->writer, slice_str(f->url), f->folder), OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    ledger_writer_free(&f->writer);
    ledger_queue_free(&f->queue);
    repository_close(f->db);
    if (strncmp(f->url, "postgres", 8) == 0)
        postgres_drop(f->url);
    scratch_remove(&f->scratch);
    free(f);
    return 0;
}

static void append(struct fixture *f, unsigned worker, uint64_t n)
{
    struct record r = {.created_wall_us = 1769860800000000 + n, .prompt_tokens = n};

    memcpy(r.id.bytes, &n, sizeof(n));
    assert_int_equal(journal_append(ledger_journals_at(&f->queue.journals, worker), &r), OK);
}

static size_t rows(struct fixture *f, const char *sql)
{
    return (size_t)db_rig_number(f->db, sql);
}

/* The writer's own, and once, right behind a refusal, what another thread may do then. */
static int take_and_disturb(struct record_taker *taker, const struct record *records, size_t n)
{
    struct ledger_writer *w = container_of(taker, struct ledger_writer, taker);
    struct fixture *f = container_of(w, struct fixture, writer);
    int rc = f->take(taker, records, n);

    if (rc == OK || n > 1 || f->done)
        return rc;
    f->done = true;
    append(f, 0, GOOD);
    if (f->moves)
        assert_int_equal(ledger_queue_move(&f->queue), OK);
    return rc;
}

static void expect_good_one_written(struct fixture *f)
{
    size_t n = 1;

    f->take = f->writer.taker.take;
    f->writer.taker.take = take_and_disturb;
    append(f, 1, BAD);
    while (n > 0)
        assert_int_equal(ledger_writer_put(&f->writer, &f->queue, &n), OK);
    assert_true(f->done);
    assert_int_equal(f->writer.rejected, 1);
    assert_int_equal(f->writer.written, 1);
    assert_int_equal(rows(f, "SELECT count(*) FROM usage_logs"), 1);
    assert_int_equal(rows(f, "SELECT prompt_tokens FROM usage_logs"), GOOD);
    assert_true(ledger_queue_is_empty(&f->queue));
}

/* It came into the journal of a worker that is read first. */
static void one_that_came_meanwhile_is_not_put_away(void **state)
{
    expect_good_one_written(*state);
}

static void nor_when_they_were_moved_meanwhile(void **state)
{
    struct fixture *f = *state;

    f->moves = true;
    expect_good_one_written(f);
}

/* The server goes on with what nobody waits for any more. */
static void end_other_sessions(struct fixture *f)
{
    assert_int_equal(db_exec(f->db,
                             "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
                             "WHERE datname = current_database() AND pid <> pg_backend_pid()"),
                     OK);
}

static void a_batch_that_takes_too_long_becomes_smaller(void **state)
{
    enum { RECORDS = 1500 };
    struct fixture *f = *state;
    size_t n = 0, most = 0;

    for (uint64_t i = 1; i <= RECORDS; i++)
        append(f, i % 2, i);
    assert_int_equal(ledger_writer_put(&f->writer, &f->queue, &n), -ETIMEDOUT);
    end_other_sessions(f);
    assert_int_equal(ledger_writer_put(&f->writer, &f->queue, &n), OK);
    assert_int_equal(n, 32);
    assert_int_equal(db_exec(f->db, "DROP TRIGGER slow ON usage_logs"), OK);
    while (!ledger_queue_is_empty(&f->queue)) {
        assert_int_equal(ledger_writer_put(&f->writer, &f->queue, &n), OK);
        most = MAX(most, n);
    }
    assert_true(most >= 128); /* in time for long enough */
    assert_int_equal(f->writer.written, RECORDS);
    assert_int_equal(rows(f, "SELECT count(*) FROM usage_logs"), RECORDS);
}

int main(void)
{
#define TEST_OF(name, store)                                                                       \
    cmocka_unit_test_prestate_setup_teardown(name, setup, teardown, (void *)(uintptr_t)(store))
#define TEST(name) TEST_OF(name, "sqlite")
    const struct CMUnitTest tests[] = {
        TEST(one_that_came_meanwhile_is_not_put_away),
        TEST(nor_when_they_were_moved_meanwhile),
        TEST_OF(a_batch_that_takes_too_long_becomes_smaller, "postgres"),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
