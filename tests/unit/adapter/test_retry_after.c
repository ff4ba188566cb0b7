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
        cmocka_unit_test(waits_are_capped),
        cmocka_unit_test(reset_headers),
        cmocka_unit_test(the_limit_that_is_used_up_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
