/* test_fmt.c: numbers, durations and sizes to text and back. */

#include "base/fmt.h"

#include <errno.h>
#include <stdio.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void u64_is_decimal(void **state)
{
    (void)state;
    uint64_t n = 0;
    for (int i = 0; i < 70; i++, n = n * 2 + (uint64_t)(i & 1)) {
        char text[20], expected[32];
        snprintf(expected, sizeof(expected), "%llu", (unsigned long long)n);
        assert_true(slice_eq(slice_of(text, fmt_u64(text, n)), slice_str(expected)));
    }
    char text[20];
    assert_int_equal(fmt_u64(text, UINT64_MAX), 20);
    assert_memory_equal(text, "18446744073709551615", 20);
}

static void durations_are_written_short(void **state)
{
    (void)state;
    static const struct {
        uint64_t ms;
        const char *text;
    } cases[] = {
        {0,          "0s"                      },
        {1,          "1ms"                     },
        {250,        "250ms"                   },
        {1000,       "1s"                      },
        {1500,       "1.5s"                    },
        {7660,       "7.66s"                   },
        {59998,      "59.998s"                 },
        {60000,      "1m0s"                    },
        {90000,      "1m30s"                   },
        {360000,     "6m0s"                    },
        {3600000,    "1h0m0s"                  },
        {86399999,   "23h59m59.999s"           },
        {UINT64_MAX, "5124095576030h25m51.615s"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[24];
        assert_true(
            slice_eq(slice_of(text, fmt_duration(text, cases[i].ms)), slice_str(cases[i].text)));
    }
}

static void durations_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc;
        uint64_t ms;
    } cases[] = {
        {"0",                     OK,      0         },
        {"0s",                    OK,      0         },
        {"250ms",                 OK,      250       },
        {"5s",                    OK,      5000      },
        {"2m",                    OK,      120000    },
        {"1h",                    OK,      3600000   },
        {"30d",                   OK,      2592000000},
        {"5",                     -EINVAL, 0         },
        {"",                      -EINVAL, 0         },
        {"s",                     -EINVAL, 0         },
        {"5 s",                   -EINVAL, 0         },
        {"-5s",                   -EINVAL, 0         },
        {"5S",                    -EINVAL, 0         },
        {"1.5s",                  -EINVAL, 0         },
        {"99999999999999999999s", -ERANGE, 0         },
        {"18446744073709551615d", -ERANGE, 0         },
        {"99999999999999999999x", -EINVAL, 0         },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t ms = 0;
        assert_int_equal(parse_duration(slice_str(cases[i].text), &ms), cases[i].rc);
        if (cases[i].rc == OK)
            assert_int_equal(ms, cases[i].ms);
    }
}

static void sizes_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc;
        uint64_t bytes;
    } cases[] = {
        {"512",                    OK,      512       },
        {"64KB",                   OK,      65536     },
        {"32MB",                   OK,      33554432  },
        {"1GB",                    OK,      1073741824},
        {"0",                      OK,      0         },
        {"",                       -EINVAL, 0         },
        {"KB",                     -EINVAL, 0         },
        {"1kb",                    -EINVAL, 0         },
        {"1 KB",                   -EINVAL, 0         },
        {"1TB",                    -EINVAL, 0         },
        {"18446744073709551615",   OK,      UINT64_MAX},
        {"18446744073709551615KB", -ERANGE, 0         },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t bytes = 0;
        assert_int_equal(parse_size(slice_str(cases[i].text), &bytes), cases[i].rc);
        if (cases[i].rc == OK)
            assert_true(bytes == cases[i].bytes);
    }
}

static void hex_is_lower_case(void **state)
{
    (void)state;
    char text[8];
    fmt_hex(text, "\x00\x1f\xab\xff", 4);
    assert_memory_equal(text, "001fabff", 8);
    fmt_hex(text, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(u64_is_decimal),     cmocka_unit_test(durations_are_written_short),
        cmocka_unit_test(durations_are_read), cmocka_unit_test(sizes_are_read),
        cmocka_unit_test(hex_is_lower_case),
    };
    return cmocka_run_group_tests_name("fmt", tests, NULL, NULL);
}
