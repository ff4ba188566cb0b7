/* test_clock.c: the calendar agrees with the C library's, and parses what it prints. */

#include "base/clock.h"

#include <errno.h>
#include <time.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void clocks_go_forward(void **state)
{
    (void)state;
    uint64_t us = clock_now_us(), cpu = clock_cpu_us();
    assert_true(clock_now_us() >= us);
    assert_true(clock_now_ms() >= us / 1000);
    assert_true(clock_cpu_us() >= cpu);
    assert_true(clock_wall_us() > 1700000000ull * 1000000);
}

static void dates_agree_with_gmtime(void **state)
{
    (void)state;
    for (uint64_t second = 0; second < 253402300800ull; second += 86400ull * 13 + 4567) {
        char text[64], expected[64];
        time_t t = (time_t)second;
        struct tm tm;
        gmtime_r(&t, &tm);
        clock_rfc3339(second * 1000000 + 7999, text);
        strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.007Z", &tm);
        assert_string_equal(text, expected);
        uint64_t back;
        assert_int_equal(clock_parse_rfc3339(slice_str(text), &back), OK);
        assert_true(back == second * 1000000 + 7000);
        clock_http_date(second * 1000000 + 999999, text);
        strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        assert_string_equal(text, expected);
    }
}

static void dates_stop_at_the_year_9999(void **state)
{
    (void)state;
    char text[CLOCK_RFC3339_LEN + 1], date[CLOCK_HTTP_DATE_LEN + 1];
    clock_rfc3339(UINT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    clock_http_date(UINT64_MAX, date);
    assert_string_equal(date, "Fri, 31 Dec 9999 23:59:59 GMT");
}

static void rfc3339_is_understood(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t us;
    } cases[] = {
        {"1970-01-01T00:00:00Z",           0               },
        {"2026-01-31T12:00:00Z",           1769860800000000},
        {"2026-01-31t14:00:00+02:00",      1769860800000000},
        {"2026-01-31 10:30:00-01:30",      1769860800000000},
        {"2026-01-31T12:00:00.5z",         1769860800500000},
        {"2026-01-31T12:00:00.123456789Z", 1769860800123456},
        {"2024-02-29T00:00:00Z",           1709164800000000},
        {"2016-12-31T23:59:60Z",           1483228800000000},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t us = 1;
        assert_int_equal(clock_parse_rfc3339(slice_str(cases[i].text), &us), OK);
        assert_true(us == cases[i].us);
    }
}

static void what_is_no_date_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z",
        "2026-01-31T12:00:61Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:30:00+01:00",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00+0200",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T12:00:00+00:60",
        "2026-01-31T12:00:00Zx",
        "20260131T120000Z",
        "2026-01-31T12:00:00.5",
    };
    uint64_t us;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(clock_parse_rfc3339(slice_str(bad[i]), &us), -EINVAL);
    struct slice good = SLICE("2026-01-31T12:00:00.123+02:00");
    for (size_t n = 0; n < good.len; n++)
        assert_int_equal(clock_parse_rfc3339(slice_sub(good, 0, n), &us), -EINVAL);
    assert_int_equal(clock_parse_rfc3339(slice_of("2026-01-31\0"
                                                  "12:00:00Z",
                                                  20),
                                         &us),
                     -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_go_forward),           cmocka_unit_test(dates_agree_with_gmtime),
        cmocka_unit_test(dates_stop_at_the_year_9999), cmocka_unit_test(rfc3339_is_understood),
        cmocka_unit_test(what_is_no_date_is_refused),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
