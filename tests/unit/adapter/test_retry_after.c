/* test_retry_after.c: every spelling of "come back later". */

#include "adapter/retry_after.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* "name: value" lines, ended by NULL. */
static uint64_t wait_of(const char *const *lines)
{
    struct arena arena;
    struct headers head = {0};

    arena_init(&arena, 0);
    for (; *lines; lines++) {
        struct slice value = slice_str(*lines);
        struct slice name = slice_cut(&value, ':');
        assert_int_equal(headers_add(&head, &arena, name, slice_trim(value)), OK);
    }
    uint64_t ms = retry_after_ms(&head);
    arena_clear(&arena);
    return ms;
}

#define WAIT(...) wait_of((const char *const[]){__VA_ARGS__, NULL})

static void the_plain_headers(void **state)
{
    (void)state;
    assert_int_equal(WAIT("retry-after: 3"), 3000);
    assert_int_equal(WAIT("Retry-After: 0.25"), 250);
    assert_int_equal(WAIT("retry-after: 0"), 0);
    assert_int_equal(WAIT("retry-after-ms: 12", "retry-after: 3"), 12);
    assert_int_equal(WAIT("x-ms-retry-after-ms: 70"), 70);
    assert_int_equal(WAIT("server: x"), 0);
}

static void nonsense_is_no_hint(void **state)
{
    (void)state;
    assert_int_equal(WAIT("retry-after: Fri, 31 Dec 1999 23:59:59 GMT"), 0);
    assert_int_equal(WAIT("retry-after: -5"), 0);
    assert_int_equal(WAIT("retry-after:"), 0);
    assert_int_equal(WAIT("retry-after: 5 apples"), 0);
    assert_int_equal(WAIT("retry-after: ."), 0);
    assert_int_equal(WAIT("retry-after: 1.2.3"), 0);
    assert_int_equal(WAIT("retry-after-ms: soon"), 0);
    assert_int_equal(WAIT("x-ratelimit-reset: 1741305600"), 0);
    assert_int_equal(WAIT("x-ratelimit-reset: 2026-01-01T00:00:00Z"), 0);
}

#define DATE "date: Wed, 31 Dec 2025 23:59:50 GMT"

static void moments_are_counted_from_the_answers_own_date(void **state)
{
    (void)state;
    assert_int_equal(WAIT("retry-after: Wed, 31 Dec 2025 23:59:59 GMT", DATE), 9000);
    assert_int_equal(WAIT("retry-after: Wed, 31 Dec 2025 23:59:00 GMT", DATE), 0);
    assert_int_equal(WAIT("retry-after: Thu, 31 Dec 2026 23:59:59 GMT", DATE), RETRY_AFTER_MAX_MS);
    assert_int_equal(WAIT("x-ratelimit-reset: 1767225595", DATE), 5000);
    assert_int_equal(WAIT("x-ratelimit-reset: 1767225590250", DATE), 250);
    assert_int_equal(WAIT("x-ratelimit-reset: 2025-12-31T23:59:51Z", DATE), 1000);
    assert_int_equal(WAIT("x-ratelimit-reset: 2025-12-31T23:59:51.5+00:00", DATE), 1000);
    assert_int_equal(WAIT("retry-after: Wed, 31 Dec 2025 23:59:59 CET", DATE), 0);
    assert_int_equal(WAIT("retry-after: Wed, 31 Dec 2025 23:59:59 GMT", "date: today"), 0);
    assert_int_equal(WAIT("retry-after: 5", DATE), 5000);
}

static void the_other_family(void **state)
{
    (void)state;
    assert_int_equal(WAIT("anthropic-ratelimit-tokens-remaining: 0",
                          "anthropic-ratelimit-tokens-reset: 2025-12-31T23:59:57Z",
                          "anthropic-ratelimit-requests-remaining: 7",
                          "anthropic-ratelimit-requests-reset: 2025-12-31T23:59:51Z", DATE),
                     7000);
    assert_int_equal(WAIT("anthropic-ratelimit-: 4", "anthropic-ratelimit-reset"), 0);
    assert_int_equal(WAIT("anthropic-ratelimit-tokens-reset: 3"), 3000);
    assert_int_equal(WAIT("x-ratelimit-: 3", "x-ratelimit-r: 4"), 0);
}

static void waits_are_capped(void **state)
{
    (void)state;
    assert_int_equal(WAIT("retry-after: 999999"), RETRY_AFTER_MAX_MS);
    assert_int_equal(WAIT("retry-after-ms: 99999999999"), RETRY_AFTER_MAX_MS);
    assert_int_equal(WAIT("x-ratelimit-reset-requests-day: 2d"), RETRY_AFTER_MAX_MS);
}

static void reset_headers(void **state)
{
    (void)state;
    assert_int_equal(WAIT("x-ratelimit-reset-requests: 12ms"), 12);
    assert_int_equal(WAIT("x-ratelimit-reset-tokens: 6m0s"), 360000);
    assert_int_equal(WAIT("x-ratelimit-reset-tokens: 2m59.56s"), 179560);
    assert_int_equal(WAIT("x-ratelimit-reset-tokens-minute: 33.011382867"), 33012);
    assert_int_equal(WAIT("x-ratelimit-reset: 300"), 300000);
}

static void the_limit_that_is_used_up_decides(void **state)
{
    (void)state;
    assert_int_equal(WAIT("x-ratelimit-reset-requests: 1s", "x-ratelimit-reset-tokens: 20s"), 1000);
    assert_int_equal(WAIT("x-ratelimit-remaining-requests: 7", "x-ratelimit-reset-requests: 1s",
                          "X-RateLimit-Remaining-Tokens: 0", "x-ratelimit-reset-tokens: 20s"),
                     20000);
    assert_int_equal(WAIT("x-ratelimit-remaining-requests: 0", "x-ratelimit-reset-requests: 30s",
                          "x-ratelimit-remaining-tokens: 0", "x-ratelimit-reset-tokens: 20s"),
                     30000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plain_headers),
        cmocka_unit_test(nonsense_is_no_hint),
        cmocka_unit_test(moments_are_counted_from_the_answers_own_date),
        cmocka_unit_test(the_other_family),
        cmocka_unit_test(waits_are_capped),
        cmocka_unit_test(reset_headers),
        cmocka_unit_test(the_limit_that_is_used_up_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
