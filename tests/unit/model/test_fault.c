/* test_fault.c: the traits of every fault, and what a fault means for the row. */

#include "model/fault.h"
#include "model/outcome.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void every_fault_has_a_code(void **state)
{
    (void)state;
    for (int kind = FAULT_NONE + 1; kind < FAULT_KIND_MAX; kind++)
        assert_true(strlen(fault_traits((enum fault_kind)kind)->code) > 0);
    assert_string_equal(fault_traits(FAULT_NONE)->code, "");
}

static void traits_are_those_of_the_table(void **state)
{
    (void)state;
    assert_string_equal(fault_traits(FAULT_UNAUTHENTICATED)->code, "invalid_api_key");
    assert_string_equal(fault_traits(FAULT_INTERNAL)->code, "internal_error");
    assert_true(fault_traits(FAULT_UPSTREAM_ERROR)->retry_same);
    assert_true(fault_traits(FAULT_UPSTREAM_OVERLOADED)->elsewhere);
    assert_false(fault_traits(FAULT_UPSTREAM_CREDENTIALS)->retry_same);
    assert_false(fault_traits(FAULT_UPSTREAM_REFUSED)->elsewhere);
}

static void two_kinds_are_refusals(void **state)
{
    unsigned n = 0;

    (void)state;
    for (int kind = FAULT_NONE; kind < FAULT_KIND_MAX; kind++)
        n += fault_is_refusal((enum fault_kind)kind);
    assert_int_equal(n, 2);
    assert_true(fault_is_refusal(FAULT_UPSTREAM_REFUSED));
    assert_true(fault_is_refusal(FAULT_CONTEXT_LENGTH));
}

static void an_unknown_kind_is_internal(void **state)
{
    (void)state;
    assert_ptr_equal(fault_traits(FAULT_KIND_MAX), fault_traits(FAULT_INTERNAL));
}

static void the_callers_faults_never_go_elsewhere(void **state)
{
    (void)state;
    for (int kind = FAULT_NONE + 1; kind < FAULT_KIND_MAX; kind++)
        if (outcome_of_fault((enum fault_kind)kind, false) == OUTCOME_CLIENT_ERROR)
            assert_false(fault_traits((enum fault_kind)kind)->elsewhere);
}

static void outcomes_of_faults(void **state)
{
    (void)state;
    assert_int_equal(outcome_of_fault(FAULT_NONE, true), OUTCOME_OK);
    assert_int_equal(outcome_of_fault(FAULT_LIMIT_TOKENS, false), OUTCOME_RATE_LIMITED);
    assert_int_equal(outcome_of_fault(FAULT_CLIENT_CLOSED, true), OUTCOME_CLIENT_CLOSED);
    assert_int_equal(outcome_of_fault(FAULT_UPSTREAM_REFUSED, false), OUTCOME_CLIENT_ERROR);
    assert_int_equal(outcome_of_fault(FAULT_CONTEXT_LENGTH, false), OUTCOME_CLIENT_ERROR);
    assert_int_equal(outcome_of_fault(FAULT_UPSTREAM_TIMEOUT, false), OUTCOME_UPSTREAM_TIMEOUT);
    assert_int_equal(outcome_of_fault(FAULT_UPSTREAM_TIMEOUT, true), OUTCOME_INTERRUPTED);
    assert_int_equal(outcome_of_fault(FAULT_UPSTREAM_RESET, false), OUTCOME_UPSTREAM_ERROR);
    assert_int_equal(outcome_of_fault(FAULT_UPSTREAM_RESET, true), OUTCOME_INTERRUPTED);
    assert_int_equal(outcome_of_fault(FAULT_DRAINING, false), OUTCOME_GATEWAY_ERROR);
}

static void names_of_outcomes(void **state)
{
    (void)state;
    assert_string_equal(outcome_status_name(OUTCOME_OK), "ok");
    assert_string_equal(outcome_status_name(OUTCOME_RATE_LIMITED), "rate_limited");
    assert_string_equal(outcome_status_name(OUTCOME_INTERRUPTED), "interrupted");
    assert_string_equal(outcome_status_name(OUTCOME_GATEWAY_ERROR), "gateway_error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_has_a_code),
        cmocka_unit_test(traits_are_those_of_the_table),
        cmocka_unit_test(two_kinds_are_refusals),
        cmocka_unit_test(an_unknown_kind_is_internal),
        cmocka_unit_test(the_callers_faults_never_go_elsewhere),
        cmocka_unit_test(outcomes_of_faults),
        cmocka_unit_test(names_of_outcomes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
