/* test_health.c: circuits open, rest, are probed and close; repeats stay within their budget. */

#include "router/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/alloc_fail.h"

#include <stdlib.h>

enum { FIRST_REST = 5000, LONGEST_REST = 60000, LONGEST_HINT = 600000 };

struct fixture {
    struct health_table *table;
    struct health *health;
    uint64_t now;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->table = health_table_new();
    f->health = health_of(f->table, 1);
    f->now = 1000000;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    health_table_free(f->table);
    free(f);
    return 0;
}

static struct health_call begin(struct fixture *f)
{
    struct health_call c;

    health_begin(&c, f->health, f->now);
    return c;
}

static void end_with(struct fixture *f, struct health_call *c, enum health_verdict verdict)
{
    health_judge(c, verdict, 0, f->now);
    health_end(c);
}

/* n whole calls, one after the other. */
static void calls(struct fixture *f, unsigned n, enum health_verdict verdict)
{
    while (n--) {
        struct health_call c = begin(f);
        end_with(f, &c, verdict);
    }
}

static uint64_t wait_of(struct fixture *f)
{
    return health_wait_ms(f->health, f->now);
}

/* Lets the whole rest pass. */
static void sleep_over(struct fixture *f)
{
    f->now += wait_of(f);
    assert_int_equal(wait_of(f), 0);
}

/* --- when it opens --- */

static void five_failures_in_a_row_open_it(void **state)
{
    struct fixture *f = *state;

    calls(f, 4, HEALTH_BAD);
    calls(f, 1, HEALTH_GOOD);
    calls(f, 4, HEALTH_BAD);
    calls(f, 9, HEALTH_NEUTRAL);
    assert_int_equal(wait_of(f), 0);
    f->now += 60000; /* however long they take */
    calls(f, 1, HEALTH_BAD);
    assert_int_equal(wait_of(f), FIRST_REST);
}

static void half_of_ten_open_it(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < 4; i++) {
        calls(f, 1, HEALTH_BAD);
        calls(f, 1, HEALTH_GOOD);
        f->now += 1000;
    }
    calls(f, 1, HEALTH_GOOD);
    assert_int_equal(wait_of(f), 0);
    calls(f, 1, HEALTH_BAD);
    assert_int_equal(wait_of(f), FIRST_REST);
}

static void less_than_half_leave_it_closed(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < 100; i++) {
        calls(f, 3, HEALTH_GOOD);
        calls(f, 2, HEALTH_BAD);
        f->now += 100;
    }
    assert_int_equal(wait_of(f), 0);
}

static void what_is_ten_seconds_old_counts_no_more(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < 4; i++) {
        calls(f, 1, HEALTH_BAD);
        calls(f, 1, HEALTH_GOOD);
    }
    f->now += 10000;
    calls(f, 1, HEALTH_GOOD);
    calls(f, 4, HEALTH_BAD);
    assert_int_equal(wait_of(f), 0);
}

static void refused_credentials_open_it_at_once(void **state)
{
    struct fixture *f = *state;

    calls(f, 1, HEALTH_REFUSED);
    assert_int_equal(wait_of(f), FIRST_REST);
    assert_int_equal(health_wait_ms(health_of(f->table, 2), f->now), 0); /* another key */
}

static void an_answer_that_breaks_off_is_one_failed_call(void **state)
{
    struct fixture *f = *state;

    calls(f, 4, HEALTH_GOOD);
    for (unsigned i = 0; i < 5; i++) {
        struct health_call c = begin(f);
        health_judge(&c, HEALTH_GOOD, 0, f->now);
        end_with(f, &c, HEALTH_BAD);
    }
    assert_int_equal(wait_of(f), 0); /* five of nine */
    calls(f, 1, HEALTH_GOOD);
    assert_int_equal(wait_of(f), 0);
    struct health_call c = begin(f);
    health_judge(&c, HEALTH_GOOD, 0, f->now);
    end_with(f, &c, HEALTH_BAD);
    assert_int_equal(wait_of(f), FIRST_REST); /* six of eleven */
}

static void refusals_of_the_callers_own_are_no_failures(void **state)
{
    struct fixture *f = *state;

    calls(f, 1000, HEALTH_NEUTRAL);
    assert_int_equal(wait_of(f), 0);
}

/* --- how long it rests --- */

static void each_probe_in_vain_doubles_the_rest(void **state)
{
    static const uint64_t rests[] = {10000, 20000, 40000, LONGEST_REST, LONGEST_REST};
    struct fixture *f = *state;

    calls(f, 5, HEALTH_BAD);
    for (size_t i = 0; i < ARRAY_LEN(rests); i++) {
        sleep_over(f);
        calls(f, 1, i % 2 ? HEALTH_REFUSED : HEALTH_BAD);
        assert_int_equal(wait_of(f), rests[i]);
    }
    sleep_over(f);
    calls(f, 1, HEALTH_GOOD);
    calls(f, 5, HEALTH_BAD);
    assert_int_equal(wait_of(f), FIRST_REST); /* all is forgiven */
}

static void calls_of_before_do_not_lengthen_the_rest(void **state)
{
    struct fixture *f = *state;
    struct health_call before[8];

    for (size_t i = 0; i < ARRAY_LEN(before); i++)
        before[i] = begin(f);
    calls(f, 5, HEALTH_BAD);
    f->now += 1000;
    for (size_t i = 0; i < ARRAY_LEN(before); i++)
        end_with(f, &before[i], i % 2 ? HEALTH_BAD : HEALTH_REFUSED);
    assert_int_equal(wait_of(f), FIRST_REST - 1000);
    sleep_over(f);
    calls(f, 1, HEALTH_BAD);
    assert_int_equal(wait_of(f), 2 * FIRST_REST);
}

static void a_rest_never_becomes_shorter(void **state)
{
    struct fixture *f = *state;
    struct health_call first = begin(f), second = begin(f), third = begin(f);

    health_judge(&first, HEALTH_LIMITED, 20000, f->now);
    health_judge(&second, HEALTH_LIMITED, 100, f->now);
    assert_int_equal(wait_of(f), 20000);
    health_judge(&third, HEALTH_REFUSED, 0, f->now);
    assert_int_equal(wait_of(f), 20000);
    f->now += 19000;
    health_judge(&second, HEALTH_BAD, 5000, f->now);
    assert_int_equal(wait_of(f), 5000);
    health_end(&first);
    health_end(&second);
    health_end(&third);
}

static void a_hint_is_a_rest_and_opens_no_circuit(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < 20; i++) {
        struct health_call c = begin(f);
        health_judge(&c, HEALTH_LIMITED, 700, f->now);
        health_end(&c);
    }
    assert_int_equal(wait_of(f), 700);
    sleep_over(f);
    struct health_call one = begin(f), two = begin(f);
    assert_false(one.probe || two.probe);
    assert_int_equal(wait_of(f), 0);
    health_end(&one);
    health_end(&two);
}

static void hints_have_a_limit(void **state)
{
    struct fixture *f = *state;
    struct health_call c = begin(f);

    health_judge(&c, HEALTH_BAD, UINT64_MAX, f->now);
    assert_int_equal(wait_of(f), LONGEST_HINT);
    health_end(&c);
}

static void good_and_neutral_calls_have_no_hints(void **state)
{
    struct fixture *f = *state;
    struct health_call c = begin(f);

    health_judge(&c, HEALTH_GOOD, 500, f->now);
    health_judge(&c, HEALTH_NEUTRAL, 500, f->now);
    health_end(&c);
    assert_int_equal(wait_of(f), 0);
}

static void a_limit_without_a_hint_is_a_failure(void **state)
{
    struct fixture *f = *state;

    calls(f, 5, HEALTH_LIMITED);
    assert_int_equal(wait_of(f), FIRST_REST);
}

/* --- the probe --- */

static void one_probe_goes_and_the_others_wait(void **state)
{
    struct fixture *f = *state;

    calls(f, 5, HEALTH_BAD);
    sleep_over(f);
    struct health_call probe = begin(f), other = begin(f);
    assert_true(probe.probe);
    assert_false(other.probe);
    assert_true(wait_of(f) > 0);
    end_with(f, &other, HEALTH_BAD);
    end_with(f, &probe, HEALTH_GOOD);
    assert_int_equal(wait_of(f), 0);
    other = begin(f);
    assert_false(other.probe);
    health_end(&other);
}

static void only_the_probe_closes_it(void **state)
{
    struct fixture *f = *state;
    struct health_call before = begin(f), late = begin(f);

    calls(f, 5, HEALTH_BAD);
    end_with(f, &before, HEALTH_GOOD);
    assert_int_equal(wait_of(f), FIRST_REST);
    sleep_over(f);
    struct health_call probe = begin(f);
    end_with(f, &late, HEALTH_GOOD);
    assert_true(wait_of(f) > 0);
    end_with(f, &probe, HEALTH_BAD);
    assert_int_equal(wait_of(f), 2 * FIRST_REST);
}

static void a_probe_that_is_cancelled_frees_its_place(void **state)
{
    struct fixture *f = *state;

    calls(f, 5, HEALTH_BAD);
    sleep_over(f);
    struct health_call probe = begin(f);
    health_end(&probe); /* the client left */
    assert_int_equal(wait_of(f), 0);
    probe = begin(f);
    assert_true(probe.probe);
    end_with(f, &probe, HEALTH_NEUTRAL);
    assert_int_equal(wait_of(f), 0);
}

/* An answer of minutes must not keep the next probe away. */
static void a_probe_that_answers_frees_its_place(void **state)
{
    struct fixture *f = *state;

    calls(f, 5, HEALTH_BAD);
    sleep_over(f);
    struct health_call answering = begin(f);
    health_judge(&answering, HEALTH_GOOD, 0, f->now);
    calls(f, 5, HEALTH_BAD);
    sleep_over(f);
    struct health_call probe = begin(f);
    assert_true(probe.probe);
    end_with(f, &answering, HEALTH_BAD);
    assert_true(wait_of(f) > 0); /* still that of the probe */
    end_with(f, &probe, HEALTH_GOOD);
    assert_int_equal(wait_of(f), 0);
}

static void a_probe_sent_early_may_close_it_and_fails_without_harm(void **state)
{
    struct fixture *f = *state;

    calls(f, 5, HEALTH_BAD);
    f->now += 1000;
    calls(f, 10, HEALTH_BAD);
    assert_int_equal(wait_of(f), FIRST_REST - 1000);
    calls(f, 1, HEALTH_GOOD);
    assert_int_equal(wait_of(f), 0);
}

static void a_probe_sent_early_that_fails_late_is_one_in_vain(void **state)
{
    struct fixture *f = *state;

    calls(f, 5, HEALTH_BAD);
    struct health_call probe = begin(f);
    f->now += FIRST_REST + 1;
    end_with(f, &probe, HEALTH_BAD);
    assert_int_equal(wait_of(f), 2 * FIRST_REST);
}

static void a_probe_that_meets_a_limit_proves_nothing(void **state)
{
    struct fixture *f = *state;

    calls(f, 5, HEALTH_BAD);
    sleep_over(f);
    struct health_call probe = begin(f);
    health_judge(&probe, HEALTH_LIMITED, 300, f->now);
    health_end(&probe);
    assert_int_equal(wait_of(f), 300);
    sleep_over(f);
    probe = begin(f);
    assert_true(probe.probe);
    health_end(&probe);
}

static void what_was_bad_before_the_rest_is_forgotten(void **state)
{
    struct fixture *f = *state;
    struct health_call early;

    calls(f, 5, HEALTH_BAD);
    early = begin(f);
    end_with(f, &early, HEALTH_GOOD);
    calls(f, 8, HEALTH_GOOD);
    calls(f, 4, HEALTH_BAD);
    assert_int_equal(wait_of(f), 0); /* four of thirteen, not nine of eighteen */
}

/* --- calls --- */

static void outstanding_calls_are_counted(void **state)
{
    struct fixture *f = *state;
    struct health_call one = begin(f), two = begin(f);

    assert_int_equal(health_outstanding(f->health), 2);
    health_end(&one);
    health_end(&one); /* harmless */
    assert_int_equal(health_outstanding(f->health), 1);
    health_judge(&one, HEALTH_REFUSED, 0, f->now); /* nothing any more */
    assert_int_equal(wait_of(f), 0);
    health_end(&two);
    assert_int_equal(health_outstanding(f->health), 0);
}

static void without_health_nothing_is_known(void **state)
{
    struct health_call c;

    (void)state;
    health_begin(&c, NULL, 5);
    health_judge(&c, HEALTH_REFUSED, 5, 5);
    health_end(&c);
    assert_int_equal(health_wait_ms(NULL, 5), 0);
    assert_int_equal(health_outstanding(NULL), 0);
    assert_false(health_take_retry(NULL, 5));
    health_table_free(NULL);
}

/* --- repeats --- */

/* Calls of which each fails and is repeated when it may be; the repeats that were made. */
static unsigned repeats_of(struct fixture *f, unsigned n, uint64_t apart_ms)
{
    unsigned repeats = 0;

    while (n--) {
        calls(f, 1, HEALTH_NEUTRAL);
        if (health_take_retry(f->health, f->now)) {
            repeats++;
            calls(f, 1, HEALTH_NEUTRAL); /* the repeat is a call itself */
        }
        f->now += apart_ms;
    }
    return repeats;
}

static void repeats_are_a_fifth_of_the_calls(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(repeats_of(f, 1000, 1), 200);
    f->now += 10000;
    assert_int_equal(repeats_of(f, 2000, 4), 400);
}

static void a_few_are_always_allowed(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(repeats_of(f, 15, 1), 3);
    assert_false(health_take_retry(f->health, f->now));
    f->now += 10000;
    assert_int_equal(repeats_of(f, 10, 1000), 3);
}

/* Repeats that have not begun yet are no calls yet; and their calls may be ten seconds old. */
static void repeats_may_outlive_their_calls(void **state)
{
    struct fixture *f = *state;
    unsigned taken = 0;

    calls(f, 100, HEALTH_NEUTRAL);
    f->now += 9000;
    while (health_take_retry(f->health, f->now))
        taken++;
    assert_in_range(taken, 16, 20);
    f->now += 2000;
    assert_false(health_take_retry(f->health, f->now));
}

static void the_first_seconds_of_a_machine_are_as_any_other(void **state)
{
    struct fixture *f = *state;

    f->now = 0;
    assert_int_equal(repeats_of(f, 100, 1), 20);
    calls(f, 5, HEALTH_BAD);
    assert_int_equal(wait_of(f), FIRST_REST);
}

/* --- the table --- */

static void an_identity_has_one_health(void **state)
{
    struct fixture *f = *state;

    assert_ptr_equal(health_of(f->table, 1), f->health);
    assert_ptr_not_equal(health_of(f->table, 1 + 1024), f->health);
    assert_ptr_not_equal(health_of(f->table, UINT64_MAX), f->health);
    assert_ptr_equal(health_of(f->table, UINT64_MAX), health_of(f->table, UINT64_MAX));
}

static void the_table_forgets_who_is_closed_and_idle(void **state)
{
    struct fixture *f = *state;
    struct health_call busy = begin(f), bad;
    uint64_t open = 77;

    health_begin(&bad, health_of(f->table, open), f->now);
    end_with(f, &bad, HEALTH_REFUSED);
    for (uint64_t i = 0; i < 3 * HEALTH_MAX; i++)
        assert_non_null(health_of(f->table, 1000 + i));
    assert_ptr_equal(health_of(f->table, 1), f->health);
    assert_int_equal(health_outstanding(f->health), 1);
    assert_int_equal(health_wait_ms(health_of(f->table, open), f->now), FIRST_REST);
    health_end(&busy);
}

static void the_table_forgets_the_rest_that_ends_first(void **state)
{
    struct fixture *f = *state;
    struct health_call busy = begin(f);

    for (uint64_t i = 2; i <= HEALTH_MAX; i++) {
        struct health_call c;
        health_begin(&c, health_of(f->table, i), f->now + (i == 500 ? 0 : i));
        health_judge(&c, HEALTH_REFUSED, 0, f->now + (i == 500 ? 0 : i));
        health_end(&c);
    }
    assert_non_null(health_of(f->table, HEALTH_MAX + 1));
    assert_int_equal(health_wait_ms(health_of(f->table, 2), f->now), FIRST_REST + 2);
    assert_int_equal(health_outstanding(f->health), 1);
    assert_int_equal(health_wait_ms(health_of(f->table, 500), f->now), 0);
    health_end(&busy);
}

static void a_table_full_of_calls_takes_no_more(void **state)
{
    struct fixture *f = *state;
    static struct health_call held[HEALTH_MAX];

    for (uint64_t i = 0; i < HEALTH_MAX; i++)
        health_begin(&held[i], health_of(f->table, i), f->now);
    assert_null(health_of(f->table, HEALTH_MAX + 5));
    assert_non_null(health_of(f->table, 7));
    for (uint64_t i = 0; i < HEALTH_MAX; i++)
        health_end(&held[i]);
    assert_non_null(health_of(f->table, HEALTH_MAX + 5));
}

static void out_of_memory_is_told(void **state)
{
    struct fixture *f = *state;

    alloc_fail_at(1);
    assert_null(health_of(f->table, 9));
    assert_true(alloc_fail_hit());
    assert_non_null(health_of(f->table, 9));
    alloc_fail_at(1);
    assert_null(health_table_new());
    assert_true(alloc_fail_hit());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(five_failures_in_a_row_open_it),
        TEST(half_of_ten_open_it),
        TEST(less_than_half_leave_it_closed),
        TEST(what_is_ten_seconds_old_counts_no_more),
        TEST(refused_credentials_open_it_at_once),
        TEST(an_answer_that_breaks_off_is_one_failed_call),
        TEST(refusals_of_the_callers_own_are_no_failures),
        TEST(each_probe_in_vain_doubles_the_rest),
        TEST(calls_of_before_do_not_lengthen_the_rest),
        TEST(a_rest_never_becomes_shorter),
        TEST(a_hint_is_a_rest_and_opens_no_circuit),
        TEST(hints_have_a_limit),
        TEST(good_and_neutral_calls_have_no_hints),
        TEST(a_limit_without_a_hint_is_a_failure),
        TEST(one_probe_goes_and_the_others_wait),
        TEST(only_the_probe_closes_it),
        TEST(a_probe_that_is_cancelled_frees_its_place),
        TEST(a_probe_that_answers_frees_its_place),
        TEST(a_probe_sent_early_may_close_it_and_fails_without_harm),
        TEST(a_probe_sent_early_that_fails_late_is_one_in_vain),
        TEST(a_probe_that_meets_a_limit_proves_nothing),
        TEST(what_was_bad_before_the_rest_is_forgotten),
        TEST(outstanding_calls_are_counted),
        TEST(without_health_nothing_is_known),
        TEST(repeats_are_a_fifth_of_the_calls),
        TEST(a_few_are_always_allowed),
        TEST(repeats_may_outlive_their_calls),
        TEST(the_first_seconds_of_a_machine_are_as_any_other),
        TEST(an_identity_has_one_health),
        TEST(the_table_forgets_who_is_closed_and_idle),
        TEST(the_table_forgets_the_rest_that_ends_first),
        TEST(a_table_full_of_calls_takes_no_more),
        TEST(out_of_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
