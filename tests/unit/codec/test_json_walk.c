/* test_json_walk.c: looking into values that are not validated. */

#include "codec/json.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void elements_come_in_order(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum json_type type;
    } items[] = {
        {"1",                  JSON_NUMBER},
        {"\"a,]\\\"\"",        JSON_STRING},
        {"[[],{\"x\":\"]\"}]", JSON_ARRAY },
        {"{\"a\":[1,2]}",      JSON_OBJECT},
        {"null",               JSON_NULL  },
        {"-1.5e3",             JSON_NUMBER},
        {"true",               JSON_BOOL  },
    };
    struct slice array =
        SLICE("[1, \"a,]\\\"\" ,[[],{\"x\":\"]\"}],{\"a\":[1,2]}\n,null , -1.5e3,true ]");
    struct json_value v;
    size_t at = 0;
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        assert_true(json_next(array, &at, &v));
        assert_int_equal(v.type, items[i].type);
        assert_true(slice_eq(v.text, slice_str(items[i].text)));
    }
    assert_false(json_next(array, &at, &v));
    assert_false(json_next(array, &at, &v));
}

static void what_is_no_array_has_no_elements(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "[]", "[ \n]", "{\"a\":1}", "1", "\"[1]\""};
    struct json_value v;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        size_t at = 0;
        assert_false(json_next(slice_str(texts[i]), &at, &v));
    }
    size_t at = 0;
    assert_false(json_next((struct slice){0}, &at, &v));
}

static void members_of_members(void **state)
{
    (void)state;
    static const struct json_member usage[] = {{SLICE_INIT("usage")}},
                                    tokens[] = {{SLICE_INIT("prompt_tokens")}, {SLICE_INIT("x")}};
    struct json_value outer[1], inner[2];
    uint64_t n;
    assert_true(json_members(SLICE("{\"a\":{\"usage\":0},\"usage\" : {\"prompt_tokens\": 12 }}"),
                             usage, 1, outer));
    assert_true(json_members(outer[0].text, tokens, 2, inner));
    assert_true(json_u64(inner[0], &n));
    assert_int_equal(n, 12);
    assert_int_equal(inner[1].type, JSON_NONE);
}

/* the promise is a valid text; a broken one may give nonsense, but never bytes outside of it */
static void broken_texts_stay_inside(void **state)
{
    (void)state;
    static const struct json_member wanted[] = {{SLICE_INIT("a")}};
    static const struct slice texts[] = {
        SLICE_INIT("{\"a\":[1,{\"b\":\"c\\\"\"}],\"d\" : \"e\" }"),
        SLICE_INIT("[1,[2,\"x\\\\\"],{\"y\":null} , true]"),
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        for (size_t n = 0; n <= texts[i].len; n++) {
            struct slice cut = slice_sub(texts[i], 0, n);
            struct json_value v;
            size_t at = 0;
            if (json_members(cut, wanted, 1, &v) && v.type != JSON_NONE)
                assert_true(v.text.at + v.text.len <= cut.at + n);
            while (json_next(cut, &at, &v))
                assert_true(at <= n && v.text.at + v.text.len <= cut.at + n);
        }
    }
}

/* --- the outline of a text that is passed on as it is --- */

static const struct json_member outlined[] = {{SLICE_INIT("usage")}, {SLICE_INIT("a")}};

static bool outlines(const char *text)
{
    struct json_value v[ARRAY_LEN(outlined)];

    return json_outline(slice_str(text), outlined, ARRAY_LEN(outlined), v);
}

static void an_outline_wants_one_whole_object(void **state)
{
    (void)state;
    assert_true(outlines("{}"));
    assert_true(outlines("\r\n {\"usage\" : {} , \"b\":[[]]}\n"));
    assert_true(outlines("{\"\\u0061\":1,\"b\":1,\"b\":2}"));
    static const char *const broken[] = {
        "",
        " ",
        "null",
        "[]",
        "<html>",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":}",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{a:1}",
        "{\"a\":[}",
        "{\"a\":{1}",
        "{\"a\":\"}",
        "{\"a\":[\"]}",
        "{\"a\":1}x",
        "{\"a\":1}{}",
        "{}}",
        "{\"a\":1 2}",
        "{\"a\":[1]]}",
        "{\"\\u00",
        "{,}",
        "{\"a\":1,\"\\u0061\":1}",
    };
    for (size_t i = 0; i < ARRAY_LEN(broken); i++)
        if (outlines(broken[i]))
            fail_msg("%s", broken[i]);
}

/* A text whose containers, strings and escapes begin at every place of a block. */
static size_t write_answer(char *to, size_t room, unsigned pad)
{
    char fill[160];

    memset(fill, 'x', sizeof(fill));
    return (size_t)snprintf(
        to, room,
        "{\"id\":\"%.*s\",\"c\":[{\"t\":\"%.*s\\\\\",\"]\":\"}\\\"{[%.*s\\\\\\\"\","
        "\"n\":[1,[2,{\"\\\"\":null}]]},{}],\"usage\":{\"p\":[]},\"z\":-1.5e3}",
        (int)(pad % 19), fill, (int)pad, fill, (int)(pad * 7 % 131), fill);
}

static void an_outline_finds_what_the_scan_finds(void **state)
{
    char text[1024];

    (void)state;
    for (unsigned pad = 0; pad < 150; pad++) {
        struct json_value scanned[ARRAY_LEN(outlined)], found[ARRAY_LEN(outlined)];
        struct json_error error;
        size_t n = write_answer(text, sizeof(text), pad);
        struct slice whole = slice_of(text, n);
        assert_true(json_scan(whole, outlined, ARRAY_LEN(outlined), scanned, &error));
        assert_true(json_outline(whole, outlined, ARRAY_LEN(outlined), found));
        for (size_t i = 0; i < ARRAY_LEN(outlined); i++) {
            assert_int_equal(found[i].type, scanned[i].type);
            assert_true(slice_eq(found[i].text, scanned[i].text));
        }
    }
}

/* exactly sized, so that a sanitizer sees a byte read behind the end */
static void a_cut_text_has_no_outline(void **state)
{
    char text[1024];
    struct json_value found[ARRAY_LEN(outlined)];

    (void)state;
    for (unsigned pad = 0; pad < 150; pad += 7) {
        size_t whole = write_answer(text, sizeof(text), pad);
        for (size_t n = 1; n < whole; n++) {
            char *cut = malloc(n);
            assert_non_null(cut);
            memcpy(cut, text, n);
            assert_false(json_outline(slice_of(cut, n), outlined, ARRAY_LEN(outlined), found));
            free(cut);
        }
    }
}

static void numbers_and_truth(void **state)
{
    (void)state;
    static const struct {
        struct json_value v;
        bool ok;
        uint64_t n;
    } cases[] = {
        {{.type = JSON_NUMBER, .text = SLICE_INIT("12")},                   true,  12        },
        {{.type = JSON_NUMBER, .text = SLICE_INIT("0")},                    true,  0         },
        {{.type = JSON_NUMBER, .text = SLICE_INIT("18446744073709551615")}, true,  UINT64_MAX},
        {{.type = JSON_NUMBER, .text = SLICE_INIT("18446744073709551616")}, false, 0         },
        {{.type = JSON_NUMBER, .text = SLICE_INIT("12.0")},                 false, 0         },
        {{.type = JSON_NUMBER, .text = SLICE_INIT("1e3")},                  false, 0         },
        {{.type = JSON_NUMBER, .text = SLICE_INIT("-1")},                   false, 0         },
        {{.type = JSON_STRING, .text = SLICE_INIT("\"1\"")},                false, 0         },
        {{0},                                                               false, 0         },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t n = 0;
        assert_int_equal(json_u64(cases[i].v, &n), cases[i].ok);
        assert_true(n == cases[i].n);
    }
    bool b;
    assert_true(json_bool((struct json_value){.type = JSON_BOOL, .text = SLICE("true")}, &b) && b);
    assert_true(json_bool((struct json_value){.type = JSON_BOOL, .text = SLICE("false")}, &b) &&
                !b);
    assert_false(json_bool((struct json_value){.type = JSON_NULL, .text = SLICE("null")}, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_come_in_order),
        cmocka_unit_test(what_is_no_array_has_no_elements),
        cmocka_unit_test(members_of_members),
        cmocka_unit_test(broken_texts_stay_inside),
        cmocka_unit_test(an_outline_wants_one_whole_object),
        cmocka_unit_test(an_outline_finds_what_the_scan_finds),
        cmocka_unit_test(a_cut_text_has_no_outline),
        cmocka_unit_test(numbers_and_truth),
    };
    return cmocka_run_group_tests_name("json_walk", tests, NULL, NULL);
}
