/* test_clock_watch.c: clocks that go, stand, jump and come back. */

#include "service/clock_watch.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#define MINUTE_MS ((uint64_t)60 * 1000)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

static const uint64_t noon_ms = 1769860800000; /* 2026-01-31T12:00:00Z */

/* A machine that has run for so long, and whose wall clock says that. */
static struct clock_reading at(uint64_t wall_ms, uint64_t running_ms)
{
    return (struct clock_reading){wall_ms * 1000, running_ms};
}

static void a_clock_that_goes_is_believed(void **state)
{
    struct clock_watch w;

    (void)state;
    clock_watch_begin(&w, (noon_ms - 6 * DAY_MS) * 1000, at(noon_ms, 0));
    for (uint64_t ms = 0; ms < 40 * DAY_MS; ms += HOUR_MS)
        assert_true(clock_watch_believes(&w, at(noon_ms + ms, ms)));
    /* set by a little, again and again, and back */
    assert_true(clock_watch_believes(&w, at(noon_ms + 40 * DAY_MS + 50 * MINUTE_MS, 40 * DAY_MS)));
    assert_true(clock_watch_believes(&w, at(noon_ms + 40 * DAY_MS + 100 * MINUTE_MS, 40 * DAY_MS)));
    assert_true(clock_watch_believes(&w, at(noon_ms, 40 * DAY_MS)));
}

static void one_that_jumps_is_doubted_for_a_day(void **state)
{
    const uint64_t year = 365 * DAY_MS;
    struct clock_watch w;

    (void)state;
    clock_watch_begin(&w, 0, at(noon_ms, 5)); /* nothing is stored */
    assert_true(clock_watch_believes(&w, at(noon_ms, 5)));
    for (uint64_t ms = 0; ms < DAY_MS; ms += MINUTE_MS)
        assert_false(clock_watch_believes(&w, at(noon_ms + year + ms, 5 + ms)));
    assert_true(clock_watch_believes(&w, at(noon_ms + year + DAY_MS, 5 + DAY_MS)));
    assert_true(clock_watch_believes(&w, at(noon_ms + year + DAY_MS, 5 + DAY_MS)));
}

static void one_that_comes_back_is_believed_at_once(void **state)
{
    struct clock_watch w;

    (void)state;
    clock_watch_begin(&w, noon_ms * 1000, at(noon_ms, 0));
    assert_false(clock_watch_believes(&w, at(noon_ms + 30 * DAY_MS, HOUR_MS)));
    assert_true(clock_watch_believes(&w, at(noon_ms + 2 * HOUR_MS, 2 * HOUR_MS)));
    /* a new jump is doubted for a day of its own */
    assert_false(clock_watch_believes(&w, at(noon_ms + 30 * DAY_MS, DAY_MS + 2 * HOUR_MS)));
}

static void one_that_is_far_ahead_of_what_is_stored_is_doubted(void **state)
{
    struct clock_watch w;

    (void)state;
    clock_watch_begin(&w, (noon_ms - 8 * DAY_MS) * 1000, at(noon_ms, 0));
    assert_false(clock_watch_believes(&w, at(noon_ms, 0)));
    assert_true(clock_watch_believes(&w, at(noon_ms + DAY_MS, DAY_MS + 1)));
    clock_watch_begin(&w, (noon_ms + 8 * DAY_MS) * 1000, at(noon_ms, 0)); /* or behind */
    assert_true(clock_watch_believes(&w, at(noon_ms, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_goes_is_believed),
        cmocka_unit_test(one_that_jumps_is_doubted_for_a_day),
        cmocka_unit_test(one_that_comes_back_is_believed_at_once),
        cmocka_unit_test(one_that_is_far_ahead_of_what_is_stored_is_doubted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
