/* test_ledger_queue.c: one reads for the database while the other moves into the spool. */

#include "service/ledger_queue.h"

#include "service/journal.h"
#include "service/ledger.h"

#include "support/alloc_fail.h"
#include "support/scratch.h"

#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

struct fixture {
    struct scratch scratch;
    struct ledger_queue queue;
    struct record_taker taker;
    uint64_t seen[4096];
    size_t count;
    bool move; /* while the first records are taken */
    int rc;    /* what the taker says */
};

static struct ledger_options options_of(const struct fixture *f)
{
    return (struct ledger_options){
        .folder = f->scratch.path, .workers = 2, .journal_bytes = 1 << 20, .spool_bytes = 1 << 20};
}

static void open_queue(struct fixture *f)
{
    struct ledger_options options = options_of(f);

    assert_int_equal(ledger_queue_init(&f->queue), OK);
    assert_int_equal(ledger_queue_open(&f->queue, &options), OK);
}

static int see(struct record_taker *taker, const struct record *records, size_t n)
{
    struct fixture *f = container_of(taker, struct fixture, taker);

    assert_in_range(n, 1, RECORD_PIECE);
    for (size_t i = 0; i < n; i++)
        f->seen[f->count++] = records[i].created_wall_us;
    if (f->move)
        assert_int_equal(ledger_queue_move(&f->queue), OK);
    f->move = false;
    return f->rc;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->taker.take = see;
    scratch_make(&f->scratch);
    open_queue(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    ledger_queue_free(&f->queue);
    scratch_remove(&f->scratch);
    free(f);
    return 0;
}

/* Into the journal of worker 0: their order is that of their numbers. */
static void append(struct fixture *f, uint64_t from, uint64_t to)
{
    for (uint64_t n = from; n < to; n++) {
        struct record r = {.created_wall_us = n};
        memcpy(r.id.bytes, &n, sizeof(n));
        assert_int_equal(journal_append(ledger_journals_at(&f->queue.journals, 0), &r), OK);
    }
}

static int take(struct fixture *f, size_t most, size_t *ret)
{
    f->count = 0;
    return ledger_queue_hand_over(&f->queue, &f->taker, most, ret);
}

/* Takes `from` … `to` - 1 and nothing else. */
static void expect(struct fixture *f, size_t most, uint64_t from, uint64_t to)
{
    size_t n;

    assert_int_equal(take(f, most, &n), OK);
    assert_int_equal(n, to - from);
    assert_int_equal(f->count, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(f->seen[i], from + i);
}

static void from_the_journals(void **state)
{
    struct fixture *f = *state;

    assert_true(ledger_queue_is_empty(&f->queue));
    expect(f, 100, 1, 1);
    append(f, 1, 301);
    expect(f, 100, 1, 101);
    expect(f, 150, 1, 151);
    assert_int_equal(f->queue.oldest_wall_us, 1);
    assert_true(ledger_queue_advance(&f->queue));
    expect(f, SIZE_MAX, 151, 301);
    assert_true(ledger_queue_advance(&f->queue));
    assert_true(ledger_queue_is_empty(&f->queue));
    assert_int_equal(f->queue.oldest_wall_us, 0);
}

static void through_the_spool_in_order(void **state)
{
    struct fixture *f = *state;

    append(f, 1, 201);
    assert_false(ledger_queue_must_move(&f->queue));
    assert_int_equal(ledger_queue_move(&f->queue), OK);
    assert_true(ledger_queue_must_move(&f->queue)); /* what is newer must not overtake */
    append(f, 201, 301);
    expect(f, SIZE_MAX, 1, 201);
    assert_int_equal(ledger_queue_move(&f->queue), OK);
    expect(f, SIZE_MAX, 1, 301);
    append(f, 301, 311);
    assert_true(ledger_queue_advance(&f->queue));
    assert_false(ledger_queue_must_move(&f->queue));
    expect(f, SIZE_MAX, 301, 311);
}

static void what_is_moved_on_its_way_comes_again(void **state)
{
    struct fixture *f = *state;
    size_t n;

    append(f, 1, 201);
    f->move = true;
    assert_int_equal(take(f, SIZE_MAX, &n), -ESTALE);
    assert_int_equal(n, RECORD_PIECE);
    expect(f, SIZE_MAX, 1, 201);
    assert_true(ledger_queue_advance(&f->queue));

    append(f, 201, 211);
    expect(f, 10, 201, 211);
    assert_int_equal(ledger_queue_move(&f->queue), OK);
    append(f, 211, 221);
    assert_false(ledger_queue_advance(&f->queue));
    assert_int_equal(ledger_queue_move(&f->queue), OK);
    expect(f, SIZE_MAX, 201, 221);
    assert_true(ledger_queue_advance(&f->queue));
    assert_true(ledger_queue_is_empty(&f->queue));
}

static void who_refuses_gets_them_again(void **state)
{
    struct fixture *f = *state;
    size_t n;

    append(f, 1, 101);
    f->rc = -EINVAL;
    assert_int_equal(take(f, SIZE_MAX, &n), -EINVAL);
    assert_int_equal(n, 0);
    f->rc = OK;
    expect(f, SIZE_MAX, 1, 101);
}

static void at_its_limit_all_that_fits_is_moved(void **state)
{
    struct fixture *f = *state;
    uint64_t next = 1;
    int rc = OK;

    while (rc == OK) {
        append(f, next, next + 1000);
        next += 1000;
        rc = ledger_queue_move(&f->queue);
    }
    assert_int_equal(rc, -ENOBUFS);
    struct spool_state spool;
    spool_look(f->queue.spool, &spool);
    assert_true(spool.bytes > (1 << 20) - 1000 && spool.bytes <= 1 << 20);
    assert_int_equal(spool.records + ledger_journals_backlog(&f->queue.journals), next - 1);
    for (uint64_t from = 1; from < next; from += f->count) {
        size_t n;
        assert_int_equal(take(f, 1024, &n), OK);
        assert_true(n > 0);
        assert_int_equal(f->seen[0], from);
        assert_true(ledger_queue_advance(&f->queue));
    }
    assert_true(ledger_queue_is_empty(&f->queue));
}

static void what_is_left_is_first_after_a_start(void **state)
{
    struct fixture *f = *state;

    append(f, 1, 101);
    assert_int_equal(ledger_queue_move(&f->queue), OK);
    append(f, 101, 201);
    ledger_queue_free(&f->queue);
    open_queue(f);
    assert_int_equal(f->queue.oldest_wall_us, 1);
    expect(f, SIZE_MAX, 1, 101);
    assert_true(ledger_queue_advance(&f->queue));
    expect(f, SIZE_MAX, 101, 201);
}

static void no_memory_is_told(void **state)
{
    struct fixture *f = *state;
    struct ledger_options options = options_of(f);

    append(f, 1, 101);
    assert_int_equal(ledger_queue_move(&f->queue), OK);
    for (unsigned n = 1;; n++) {
        ledger_queue_free(&f->queue);
        alloc_fail_at(n);
        int rc = ledger_queue_init(&f->queue);
        if (rc == OK)
            rc = ledger_queue_open(&f->queue, &options);
        if (!alloc_fail_hit()) {
            assert_int_equal(rc, OK);
            break;
        }
        assert_int_equal(rc, -ENOMEM);
    }
    alloc_fail_at(0);
    expect(f, SIZE_MAX, 1, 101);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(from_the_journals),
        TEST(through_the_spool_in_order),
        TEST(what_is_moved_on_its_way_comes_again),
        TEST(who_refuses_gets_them_again),
        TEST(at_its_limit_all_that_fits_is_moved),
        TEST(what_is_left_is_first_after_a_start),
        TEST(no_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
