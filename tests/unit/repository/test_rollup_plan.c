/* test_rollup_plan.c: every minute of a question is counted once, from the longest spans there are.
 */

#include "repository/rollup_plan.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "support/alloc_fail.h"

#include <errno.h>

enum { HOUR = 60, DAY = 1440, MONTH = 43200 };

static const uint64_t start = (uint64_t)MONTH * 650; /* a multiple of all */

struct rig {
    struct arena arena;
    struct rollup_span spans[200];
    struct rollup_mark marks[20];
    struct rollup_known known;
    struct rollup_runs runs;
};

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));

    arena_init(&r->arena, 0);
    r->known.spans = r->spans;
    r->known.marks = r->marks;
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    arena_clear(&r->arena);
    free(r);
    return 0;
}

/* In the order of lengths and starts, as the plan wants them. */
static void worked_out(struct rig *r, uint32_t length, uint64_t from, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        r->spans[r->known.spans_len++] = (struct rollup_span){.length = length,
                                                              .start = from + (uint64_t)i * length,
                                                              .low = SLICE("b"),
                                                              .high = SLICE("c")};
}

static void marked(struct rig *r, uint64_t minute, const char *low, const char *high)
{
    r->marks[r->known.marks_len++] = (struct rollup_mark){minute, slice_str(low), slice_str(high)};
}

static void plan(struct rig *r, uint64_t from, uint64_t until, size_t longest)
{
    r->known.from = from;
    r->known.until = until;
    assert_int_equal(rollup_plan(&r->known, longest, &r->arena, &r->runs), OK);
}

static void assert_sums(struct rig *r, size_t i, uint32_t length, uint64_t from, uint64_t until)
{
    assert_true(i < r->runs.sums_len);
    assert_int_equal(r->runs.sums[i].length, length);
    assert_int_equal(r->runs.sums[i].from, from);
    assert_int_equal(r->runs.sums[i].until, until);
}

static void assert_rows(struct rig *r, size_t i, uint64_t from, uint64_t until, const char *ids)
{
    assert_true(i < r->runs.rows_len);
    assert_int_equal(r->runs.rows[i].from, from);
    assert_int_equal(r->runs.rows[i].until, until);
    assert_int_equal(r->runs.rows[i].low.at[0], ids[0]);
    assert_int_equal(r->runs.rows[i].high.at[0], ids[1]);
}

static void nothing_is_known(void **state)
{
    struct rig *r = *state;

    plan(r, 0, (uint64_t)MONTH * 10000, ROLLUP_LEVELS - 1);
    assert_int_equal(r->runs.sums_len + r->runs.rows_len, 0);
}

static void the_longest_spans_that_fit(void **state)
{
    struct rig *r = *state;

    worked_out(r, HOUR, start, 48);
    worked_out(r, 6 * HOUR, start, 8);
    worked_out(r, DAY, start, 2);
    plan(r, 0, start * 2, ROLLUP_LEVELS - 1);
    assert_int_equal(r->runs.sums_len, 1);
    assert_sums(r, 0, DAY, start, start + 2 * DAY);
    plan(r, start + 2 * HOUR, start + DAY + 7 * HOUR, ROLLUP_LEVELS - 1);
    assert_int_equal(r->runs.sums_len, 3);
    assert_sums(r, 0, HOUR, start + 2 * HOUR, start + 6 * HOUR);
    assert_sums(r, 1, 6 * HOUR, start + 6 * HOUR, start + DAY + 6 * HOUR);
    assert_sums(r, 2, HOUR, start + DAY + 6 * HOUR, start + DAY + 7 * HOUR);
    plan(r, 0, start * 2, ROLLUP_HOUR_LEVEL); /* hours are asked for */
    assert_int_equal(r->runs.sums_len, 1);
    assert_sums(r, 0, HOUR, start, start + 48 * HOUR);
    assert_int_equal(r->runs.rows_len, 0);
}

static void a_mark_opens_what_holds_it(void **state)
{
    struct rig *r = *state;

    worked_out(r, 1, start + 61, 1);
    worked_out(r, 1, start + 63, 2);
    worked_out(r, HOUR, start, 6);
    worked_out(r, 6 * HOUR, start, 1);
    marked(r, start + 64, "a", "b");
    marked(r, start + 70, "d", "e");
    plan(r, start, start + DAY, ROLLUP_LEVELS - 1);
    assert_int_equal(r->runs.sums_len, 4);
    assert_sums(r, 0, HOUR, start, start + HOUR);
    assert_sums(r, 1, 1, start + 61, start + 62);
    assert_sums(r, 2, 1, start + 63, start + 64);
    assert_sums(r, 3, HOUR, start + 2 * HOUR, start + 6 * HOUR);
    assert_int_equal(r->runs.rows_len, 2);
    assert_rows(r, 0, start + 64, start + 65, "ac"); /* what was counted, and the mark's */
    assert_rows(r, 1, start + 70, start + 71, "de");
}

static void an_hour_without_minutes_is_opened_as_a_whole(void **state)
{
    struct rig *r = *state;

    worked_out(r, HOUR, start, 3);
    marked(r, start + 64, "a", "b");
    marked(r, start + 99, "b", "f");
    plan(r, start, start + DAY, ROLLUP_LEVELS - 1);
    assert_int_equal(r->runs.sums_len, 2);
    assert_sums(r, 0, HOUR, start, start + HOUR);
    assert_sums(r, 1, HOUR, start + 2 * HOUR, start + 3 * HOUR);
    assert_int_equal(r->runs.rows_len, 1);
    assert_rows(r, 0, start + HOUR, start + 2 * HOUR, "af");
}

static void the_hour_that_goes_on(void **state)
{
    struct rig *r = *state;

    worked_out(r, 1, start, 5);
    marked(r, start + 5, "a", "b");
    plan(r, 0, start * 2, ROLLUP_LEVELS - 1);
    assert_int_equal(r->runs.sums_len, 1);
    assert_sums(r, 0, 1, start, start + 5);
    assert_int_equal(r->runs.rows_len, 1);
    assert_rows(r, 0, start + 5, start + 6, "ab");
    plan(r, 0, start, ROLLUP_LEVELS - 1);
    assert_int_equal(r->runs.sums_len + r->runs.rows_len, 0);
}

static void memory_may_run_out(void **state)
{
    struct rig *r = *state;

    for (unsigned i = 0; i < 100; i++)
        worked_out(r, 1, start + 2 * i, 1); /* none beside another */
    for (unsigned i = 0; i < 20; i++)
        marked(r, start + 201 + i, "a", "b");
    r->known.from = start;
    r->known.until = start + DAY;
    for (unsigned n = 1;; n++) {
        arena_clear(&r->arena);
        alloc_fail_at(n);
        int rc = rollup_plan(&r->known, ROLLUP_LEVELS - 1, &r->arena, &r->runs);
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        if (!hit)
            break;
        assert_int_equal(rc, -ENOMEM);
    }
    assert_int_equal(r->runs.sums_len, 100);
    assert_int_equal(r->runs.rows_len, 20);
}

#define PLAN_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAN_TEST(nothing_is_known),
        PLAN_TEST(the_longest_spans_that_fit),
        PLAN_TEST(a_mark_opens_what_holds_it),
        PLAN_TEST(an_hour_without_minutes_is_opened_as_a_whole),
        PLAN_TEST(the_hour_that_goes_on),
        PLAN_TEST(memory_may_run_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
