/* test_json_strings.c: what a string's bytes mean. */

#include "codec/json.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

static struct json_value string(struct slice quoted)
{
    return (struct json_value){.type = JSON_STRING, .text = quoted};
}

static void strings_are_decoded(void **state)
{
    (void)state;
    static const struct {
        struct slice quoted, decoded;
    } cases[] = {
        {SLICE_INIT("\"\""),                             SLICE_INIT("")                            },
        {SLICE_INIT("\"abc\""),                          SLICE_INIT("abc")                         },
        {SLICE_INIT("\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\""), SLICE_INIT("a\"\\/\b\f\n\r\tz")           },
        {SLICE_INIT("\"\\u0041\\u00e9\\u4F60\""),        SLICE_INIT("A\xC3\xA9\xE4\xBD\xA0")       },
        {SLICE_INIT("\"\\u0000\""),                      SLICE_INIT("\0")                          },
        {SLICE_INIT("\"\\ud83d\\ude00!\""),              SLICE_INIT("\xF0\x9F\x98\x80!")           },
        {SLICE_INIT("\"\\ud83d\""),                      SLICE_INIT("\xEF\xBF\xBD")                },
        {SLICE_INIT("\"\\ud83dx\""),                     SLICE_INIT("\xEF\xBF\xBDx")               },
        {SLICE_INIT("\"\\ud83d\\n\""),                   SLICE_INIT("\xEF\xBF\xBD\n")              },
        {SLICE_INIT("\"\\ud83d\\u0041\""),               SLICE_INIT("\xEF\xBF\xBD\x41")            },
        {SLICE_INIT("\"\\ud83d\\ud83d\\ude00\""),        SLICE_INIT("\xEF\xBF\xBD\xF0\x9F\x98\x80")},
        {SLICE_INIT("\"\\ude00\\ud83d\""),               SLICE_INIT("\xEF\xBF\xBD\xEF\xBF\xBD")    },
        {SLICE_INIT("\"\\uDBFF\\uDFFF\\uD800\\uDC00\""),
         SLICE_INIT("\xF4\x8F\xBF\xBF\xF0\x90\x80\x80")                                            },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json_value v = string(cases[i].quoted);
        struct slice want = cases[i].decoded, plain;
        char *dst = malloc(v.text.len);
        assert_non_null(dst);
        assert_true(slice_eq(slice_of(dst, json_decode(v, dst)), want));
        assert_true(json_string_eq(v, want));
        if (want.len)
            assert_false(json_string_eq(v, slice_sub(want, 0, want.len - 1)));
        char longer[64];
        memcpy(longer, want.at, want.len);
        longer[want.len] = 'x';
        assert_false(json_string_eq(v, slice_of(longer, want.len + 1)));
        assert_int_equal(json_plain(v, &plain), !memchr(v.text.at, '\\', v.text.len));
        free(dst);
    }
}

static void only_strings_are_strings(void **state)
{
    (void)state;
    struct json_value number = {.type = JSON_NUMBER, .text = SLICE_INIT("123")}, none = {0};
    struct slice plain;
    assert_false(json_plain(number, &plain));
    assert_false(json_plain(none, &plain));
    assert_false(json_string_eq(number, SLICE("2")));
    assert_false(json_string_eq(none, SLICE("")));
    assert_true(json_plain(string(SLICE("\"ab\"")), &plain));
    assert_true(slice_eq(plain, SLICE("ab")));
}

static void a_string_is_checked_where_it_stands(void **state)
{
    (void)state;
    static const struct {
        struct slice text;
        size_t behind;
    } cases[] = {
        {SLICE_INIT("x\"\"y"),                             3 },
        {SLICE_INIT("x\"a\\\"\\u00e9\xC3\xA9\",\"b\""),    14},
        {SLICE_INIT("x\"twenty bytes of text\" and more"), 23},
        {SLICE_INIT("x\""),                                0 },
        {SLICE_INIT("x\"a"),                               0 },
        {SLICE_INIT("x\"a\\"),                             0 },
        {SLICE_INIT("x\"a\\\""),                           0 },
        {SLICE_INIT("x\"\\x\""),                           0 },
        {SLICE_INIT("x\"a\nb\""),                          0 },
        {SLICE_INIT("x\"\xC3\""),                          0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *text = malloc(cases[i].text.len); /* the sanitizer sees where it ends */
        assert_non_null(text);
        memcpy(text, cases[i].text.at, cases[i].text.len);
        assert_int_equal(json_string_check(slice_of(text, cases[i].text.len), 1), cases[i].behind);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(only_strings_are_strings),
        cmocka_unit_test(a_string_is_checked_where_it_stands),
    };
    return cmocka_run_group_tests_name("json_strings", tests, NULL, NULL);
}
