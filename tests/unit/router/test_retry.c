/* test_retry.c: which failure is repeated on the same target, by table. */

#include "router/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static int64_t wait_for(struct fault fault, unsigned tries, unsigned retries, uint64_t took_ms)
{
    const struct retry_question q = {&fault, tries, retries, took_ms, 60000, 12345678901234567u};

    return retry_wait_ms(&q);
}

static void kinds_by_table(void **state)
{
    static const struct {
        enum fault_kind kind;
        bool again;
    } cases[] = {
        {FAULT_UPSTREAM_CONNECT,     true },
        {FAULT_UPSTREAM_RESET,       true },
        {FAULT_UPSTREAM_ERROR,       true },
        {FAULT_UPSTREAM_RATE_LIMIT,  true },
        {FAULT_UPSTREAM_OVERLOADED,  false},
        {FAULT_UPSTREAM_TIMEOUT,     false},
        {FAULT_UPSTREAM_CREDENTIALS, false},
        {FAULT_UPSTREAM_REFUSED,     false},
        {FAULT_UPSTREAM_PROTOCOL,    false},
        {FAULT_UPSTREAM_TLS,         false},
        {FAULT_INVALID_VALUE,        false},
        {FAULT_INTERNAL,             false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t wait = wait_for((struct fault){.kind = cases[i].kind}, 1, 1, 5);
        assert_int_equal(wait >= 0, cases[i].again);
    }
}

/* What a status says is not what we found out ourselves. */
static void a_providers_own_503_and_504_are_repeated(void **state)
{
    static const struct {
        enum fault_kind kind;
        int status;
        bool again;
    } cases[] = {
        {FAULT_UPSTREAM_OVERLOADED, 503, true },
        {FAULT_UPSTREAM_OVERLOADED, 529, false},
        {FAULT_UPSTREAM_OVERLOADED, 200, false},
        {FAULT_UPSTREAM_TIMEOUT,    504, true },
        {FAULT_UPSTREAM_TIMEOUT,    200, false},
        {FAULT_UPSTREAM_TIMEOUT,    524, false},
        {FAULT_UPSTREAM_ERROR,      500, true },
        {FAULT_UPSTREAM_ERROR,      502, true },
        {FAULT_UPSTREAM_ERROR,      501, false},
        {FAULT_UPSTREAM_ERROR,      520, false},
        {FAULT_UPSTREAM_ERROR,      200, true },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fault fault = {.kind = cases[i].kind, .upstream_status = cases[i].status};
        assert_int_equal(wait_for(fault, 1, 1, 5) >= 0, cases[i].again);
    }
}

static void a_rate_limit_without_a_hint_gets_two_attempts(void **state)
{
    struct fault fault = {.kind = FAULT_UPSTREAM_RATE_LIMIT, .upstream_status = 429};

    (void)state;
    assert_true(wait_for(fault, 1, 5, 5) >= 0);
    assert_true(wait_for(fault, 2, 5, 5) < 0);
    fault.retry_after_ms = 100;
    assert_int_equal(wait_for(fault, 2, 5, 5), 100);
}

static void only_as_often_as_allowed(void **state)
{
    const struct fault fault = {.kind = FAULT_UPSTREAM_ERROR};

    (void)state;
    assert_true(wait_for(fault, 1, 0, 5) < 0);
    assert_true(wait_for(fault, 2, 1, 5) < 0);
    assert_true(wait_for(fault, 2, 2, 5) >= 0);
}

static void what_took_long_is_not_repeated(void **state)
{
    (void)state;
    assert_true(wait_for((struct fault){.kind = FAULT_UPSTREAM_RESET}, 1, 1, 30000) < 0);
}

static void short_hints_are_obeyed_long_ones_go_elsewhere(void **state)
{
    struct fault fault = {.kind = FAULT_UPSTREAM_RATE_LIMIT, .retry_after_ms = 1500};

    (void)state;
    assert_int_equal(wait_for(fault, 1, 1, 5), 1500);
    fault.retry_after_ms = 20000;
    assert_true(wait_for(fault, 1, 1, 5) < 0);
}

static void a_rate_limit_without_a_hint_is_not_hammered(void **state)
{
    (void)state;
    assert_true(wait_for((struct fault){.kind = FAULT_UPSTREAM_RATE_LIMIT}, 1, 3, 5) >= 500);
}

static void waits_grow_are_spread_and_bounded(void **state)
{
    const struct fault fault = {.kind = FAULT_UPSTREAM_ERROR};

    (void)state;
    for (unsigned tries = 1; tries <= 10; tries++) {
        uint64_t most = MIN(UINT64_C(100) << (tries - 1), UINT64_C(2000)), seen = 0;
        for (uint64_t random = 0; random < 5000; random++) {
            const struct retry_question q = {&fault, tries, 10, 5, 60000, random};
            int64_t wait = retry_wait_ms(&q);
            assert_in_range(wait, 0, most);
            seen = MAX(seen, (uint64_t)wait);
        }
        assert_int_equal(seen, most);
    }
}

static void no_wait_beyond_the_deadline(void **state)
{
    const struct fault fault = {.kind = FAULT_UPSTREAM_ERROR, .retry_after_ms = 100};
    const struct retry_question q = {&fault, 1, 1, 5, 100, 0};

    (void)state;
    assert_true(retry_wait_ms(&q) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_by_table),
        cmocka_unit_test(a_providers_own_503_and_504_are_repeated),
        cmocka_unit_test(a_rate_limit_without_a_hint_gets_two_attempts),
        cmocka_unit_test(only_as_often_as_allowed),
        cmocka_unit_test(what_took_long_is_not_repeated),
        cmocka_unit_test(short_hints_are_obeyed_long_ones_go_elsewhere),
        cmocka_unit_test(a_rate_limit_without_a_hint_is_not_hammered),
        cmocka_unit_test(waits_grow_are_spread_and_bounded),
        cmocka_unit_test(no_wait_beyond_the_deadline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
