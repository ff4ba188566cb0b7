/* test_json_scan.c: what is JSON, where the fault is, and which members are found. */

#include "codec/json.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <yyjson.h>

static const struct json_member wanted[] = {
    {SLICE_INIT("model")}, {SLICE_INIT("messages")}, {SLICE_INIT("stream")}};
enum { MODEL, MESSAGES, STREAM, WANTED };

static void assert_value(struct json_value v, enum json_type type, const char *text)
{
    assert_int_equal(v.type, type);
    assert_true(slice_eq(v.text, slice_str(text)));
}

/* The text stands at the end of its memory: reading behind it is seen. */
static bool is_valid_exact(struct slice text, struct json_error *ret)
{
    char *exact = malloc(text.len ? text.len : 1);
    assert_non_null(exact);
    if (text.len)
        memcpy(exact, text.at, text.len);
    bool valid = json_is_valid(slice_of(exact, text.len), ret);
    free(exact);
    return valid;
}

static void the_wanted_members_are_found(void **state)
{
    (void)state;
    struct json_value ret[WANTED];
    struct json_error error;
    struct slice text = SLICE(" {\"x\":{\"model\":1},\"mod\\u0065l\" : \"gpt\\n\" , \"messages\":"
                              "[{\"a\":[]}],\"y\":-1.5e3}\r\n");
    assert_true(json_scan(text, wanted, WANTED, ret, &error));
    assert_int_equal(error.fault, JSON_OK);
    assert_value(ret[MODEL], JSON_STRING, "\"gpt\\n\"");
    assert_value(ret[MESSAGES], JSON_ARRAY, "[{\"a\":[]}]");
    assert_int_equal(ret[STREAM].type, JSON_NONE);
    assert_true(json_members(slice_trim(slice_sub(text, 0, text.len - 2)), wanted, WANTED, ret));
    assert_value(ret[MODEL], JSON_STRING, "\"gpt\\n\"");
    assert_value(ret[MESSAGES], JSON_ARRAY, "[{\"a\":[]}]");
    assert_int_equal(ret[STREAM].type, JSON_NONE);
}

static void every_type_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        enum json_type type;
    } cases[] = {
        {"null",     JSON_NULL  },
        {"true",     JSON_BOOL  },
        {"false",    JSON_BOOL  },
        {"-0",       JSON_NUMBER},
        {"1E400",    JSON_NUMBER},
        {"\"\"",     JSON_STRING},
        {"[]",       JSON_ARRAY },
        {"[ 1 , 2]", JSON_ARRAY },
        {"{}",       JSON_OBJECT},
        {"{ }",      JSON_OBJECT},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[64] = "{\"stream\": ";
        struct json_value ret[WANTED];
        struct json_error error;
        strncat(text, cases[i].value, 32);
        strncat(text, " }", 3);
        assert_true(json_scan(slice_str(text), wanted, WANTED, ret, &error));
        assert_value(ret[STREAM], cases[i].type, cases[i].value);
        assert_true(json_members(slice_str(text), wanted, WANTED, ret));
        assert_value(ret[STREAM], cases[i].type, cases[i].value);
    }
}

static void only_wanted_members_may_not_stand_twice(void **state)
{
    (void)state;
    struct json_value ret[WANTED];
    struct json_error error;
    struct slice text = SLICE("{\"x\":1,\"x\":2,\"model\":\"a\",\"x\":{\"model\":1,\"model\":2}}");
    assert_true(json_scan(text, wanted, WANTED, ret, &error));
    assert_int_equal(error.member, -1);

    text = SLICE("{\"stream\":1,\"model\":\"a\",\"mode\\u006C\":\"b\"}");
    assert_false(json_scan(text, wanted, WANTED, ret, &error));
    assert_int_equal(error.fault, JSON_DUPLICATE);
    assert_int_equal(error.member, MODEL);
    assert_int_equal(error.at, 24);
    assert_false(json_members(text, wanted, WANTED, ret));
}

static void faults_have_their_place(void **state)
{
    (void)state;
    static const struct {
        struct slice text;
        enum json_fault fault;
        size_t at;
    } cases[] = {
        {SLICE_INIT(""),                          JSON_EMPTY,    0 },
        {SLICE_INIT(" \n"),                       JSON_EMPTY,    2 },
        {SLICE_INIT("[]"),                        JSON_TYPE,     0 },
        {SLICE_INIT(" 12 "),                      JSON_TYPE,     1 },
        {SLICE_INIT("[1,]"),                      JSON_SYNTAX,   3 },
        {SLICE_INIT("{} x"),                      JSON_TRAILING, 3 },
        {SLICE_INIT("{}{}"),                      JSON_TRAILING, 2 },
        {SLICE_INIT("{\"a\":1,}"),                JSON_SYNTAX,   7 },
        {SLICE_INIT("{,}"),                       JSON_SYNTAX,   1 },
        {SLICE_INIT("{\"a\" 1}"),                 JSON_SYNTAX,   5 },
        {SLICE_INIT("{\"a\":1 \"b\":2}"),         JSON_SYNTAX,   7 },
        {SLICE_INIT("{\"a\":[1}"),                JSON_SYNTAX,   7 },
        {SLICE_INIT("{\"a\":01}"),                JSON_SYNTAX,   6 },
        {SLICE_INIT("{\"a\":+1}"),                JSON_SYNTAX,   5 },
        {SLICE_INIT("{\"a\":1.}"),                JSON_SYNTAX,   7 },
        {SLICE_INIT("{\"a\":1e}"),                JSON_SYNTAX,   7 },
        {SLICE_INIT("{\"a\":-}"),                 JSON_SYNTAX,   6 },
        {SLICE_INIT("{\"a\":.5}"),                JSON_SYNTAX,   5 },
        {SLICE_INIT("{\"a\":NaN}"),               JSON_SYNTAX,   5 },
        {SLICE_INIT("{\"a\":nulL}"),              JSON_SYNTAX,   8 },
        {SLICE_INIT("{\"a\":True}"),              JSON_SYNTAX,   5 },
        {SLICE_INIT("{'a':1}"),                   JSON_SYNTAX,   1 },
        {SLICE_INIT("{\"a\":\"\\x\"}"),           JSON_SYNTAX,   7 },
        {SLICE_INIT("{\"a\":\"\\u12g4\"}"),       JSON_SYNTAX,   10},
        {SLICE_INIT("{\"a\":\"x\ny\"}"),          JSON_SYNTAX,   7 },
        {SLICE_INIT("{\"a\":\"x\0y\"}"),          JSON_SYNTAX,   7 },
        {SLICE_INIT("{\"a\":\"x"),                JSON_SYNTAX,   7 },
        {SLICE_INIT("{\"a\":\"x\\"),              JSON_SYNTAX,   8 },
        {SLICE_INIT("{\"a\":\"\xC3\x28\"}"),      JSON_UTF8,     6 },
        {SLICE_INIT("{\"a\":\"b\xED\xA0\x80\"}"), JSON_UTF8,     7 },
        {SLICE_INIT("{\"a\":\"b\xC3\"}"),         JSON_UTF8,     7 },
        {SLICE_INIT("{\"a\":\"b\xFF\\x\"}"),      JSON_UTF8,     7 },
        {SLICE_INIT("{\"a\":\"b\xFF"),            JSON_UTF8,     7 },
        {SLICE_INIT("{\"a\xFF\":1}"),             JSON_UTF8,     3 },
        {SLICE_INIT("\xEF\xBB\xBF{}"),            JSON_SYNTAX,   0 },
        {SLICE_INIT("{\"a\":1}\0"),               JSON_TRAILING, 7 },
        {SLICE_INIT("{\"a\":1/**/}"),             JSON_SYNTAX,   6 },
        {SLICE_INIT("{\v}"),                      JSON_SYNTAX,   1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json_value ret[WANTED];
        struct json_error error;
        assert_false(json_scan(cases[i].text, wanted, WANTED, ret, &error));
        assert_int_equal(error.fault, cases[i].fault);
        assert_int_equal(error.at, cases[i].at);
        assert_int_equal(error.member, -1);
    }
}

static void a_null_slice_is_empty(void **state)
{
    (void)state;
    struct json_value ret[WANTED];
    struct json_error error;
    assert_false(json_scan((struct slice){0}, wanted, WANTED, ret, &error));
    assert_int_equal(error.fault, JSON_EMPTY);
    assert_true(json_members((struct slice){0}, wanted, WANTED, ret));
    assert_int_equal(ret[MODEL].type, JSON_NONE);
    assert_true(json_members(SLICE("[1]"), wanted, WANTED, ret));
}

static void nesting_stops_at_the_limit(void **state)
{
    (void)state;
    for (int object = 0; object <= 1; object++) {
        for (unsigned depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX + 1; depth++) {
            char text[8 * (JSON_DEPTH_MAX + 2)];
            struct json_error error;
            size_t n = 0;
            for (unsigned i = 0; i < depth; i++) {
                memcpy(text + n, object ? "{\"a\":" : "[", object ? 5 : 1);
                n += object ? 5 : 1;
            }
            text[n++] = '1';
            memset(text + n, object ? '}' : ']', depth);
            bool valid = is_valid_exact(slice_of(text, n + depth), &error);
            assert_int_equal(valid, depth <= JSON_DEPTH_MAX);
            assert_int_equal(error.fault, valid ? JSON_OK : JSON_DEPTH);
            if (!valid)
                assert_int_equal(error.at, (object ? 5 : 1) * JSON_DEPTH_MAX);
        }
    }
}

static void the_stack_remembers_every_kind(void **state)
{
    (void)state;
    struct json_error error;
    char text[4096];
    size_t n = 0;
    for (unsigned i = 0; i < 300; i++) {
        memcpy(text + n, i % 3 ? "[" : "{\"a\":", i % 3 ? 1 : 5);
        n += i % 3 ? 1 : 5;
    }
    text[n++] = '0';
    for (unsigned i = 300; i-- > 0;)
        text[n++] = i % 3 ? ']' : '}';
    assert_true(json_is_valid(slice_of(text, n), &error));
    for (size_t i = 0; i < 300; i++) {
        char *bracket = &text[n - 300 + i];
        *bracket = *bracket == ']' ? '}' : ']';
        assert_false(json_is_valid(slice_of(text, n), &error));
        assert_int_equal(error.at, n - 300 + i);
        *bracket = *bracket == ']' ? '}' : ']';
    }
}

/* an end, an escape, a control and a wrong byte at every place of a long string */
static void long_strings_end_where_they_end(void **state)
{
    (void)state;
    enum { LEN = 600 };
    char text[LEN + 2];
    struct json_error error;
    for (size_t n = 0; n <= LEN; n++) {
        text[0] = '"';
        memset(text + 1, 'a', n);
        text[n + 1] = '"';
        assert_true(is_valid_exact(slice_of(text, n + 2), &error));
        assert_false(is_valid_exact(slice_of(text, n + 1), &error));
        assert_int_equal(error.at, n + 1);
        if (n < 2)
            continue;
        static const char wrong[] = {'\x1F', '\xFF', '\0'};
        for (size_t i = 0; i < sizeof(wrong); i++) {
            text[n - 1] = wrong[i];
            assert_false(is_valid_exact(slice_of(text, n + 2), &error));
            assert_int_equal(error.at, n - 1);
        }
        memcpy(text + n - 1, "\\\"", 2);
        assert_true(is_valid_exact(slice_of(text, n + 2), &error));
        memcpy(text + n - 1, "\xC3\xA9", 2);
        assert_true(is_valid_exact(slice_of(text, n + 2), &error));
    }
}

static const struct slice samples[] = {
    SLICE_INIT(
        "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi \\\"you\\\"\\n"
        "\\u00e9\"}],\"stream\":true,\"n\":-0.5e+3}"),
    SLICE_INIT(
        "{ \"a\" : [ ] , \"b\" : { } , \"c\" : [ null , false , 1E400 , [ { \"d\" : 0 } ] ] }"),
    SLICE_INIT(
        "[\"\xE4\xBD\xA0\xE5\xA5\xBD\xEF\xBC\x8C\xE4\xB8\x96\xE7\x95\x8C 0123456789 abcdefghijklm"
        "nopqrstuvwxyz\xF0\x9F\x98\x80\",12345678901234567890123]"),
};

static void a_cut_text_is_never_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        struct json_error error;
        assert_true(is_valid_exact(samples[i], &error));
        for (size_t n = 1; n < samples[i].len; n++) {
            assert_false(is_valid_exact(slice_sub(samples[i], 0, n), &error));
            assert_true(error.at <= n && error.fault != JSON_OK && error.fault != JSON_TRAILING);
        }
    }
}

static bool yyjson_says(char *text, size_t n)
{
    yyjson_doc *doc = yyjson_read_opts(text, n, YYJSON_READ_NUMBER_AS_RAW, NULL, NULL);
    bool valid = doc != NULL;

    yyjson_doc_free(doc);
    return valid;
}

/* every byte replaced by each of many others: both judges must agree */
static void yyjson_agrees_on_every_changed_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        char text[256];
        struct slice s = slice_of(text, samples[i].len);
        assert_true(s.len <= sizeof(text));
        memcpy(text, samples[i].at, s.len);
        for (size_t at = 0; at < s.len; at++) {
            for (unsigned c = 0; c < 256; c++) {
                struct json_error error;
                text[at] = (char)c;
                assert_int_equal(json_is_valid(s, &error), yyjson_says(text, s.len));
            }
            text[at] = samples[i].at[at];
        }
    }
}

static void lone_surrogate_escapes_are_json(void **state)
{
    (void)state;
    struct json_error error;
    assert_true(json_is_valid(SLICE("[\"\\ud800\",\"\\udc00\",\"\\uD83D\\uDE00\"]"), &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wanted_members_are_found),
        cmocka_unit_test(every_type_is_told),
        cmocka_unit_test(only_wanted_members_may_not_stand_twice),
        cmocka_unit_test(faults_have_their_place),
        cmocka_unit_test(a_null_slice_is_empty),
        cmocka_unit_test(nesting_stops_at_the_limit),
        cmocka_unit_test(the_stack_remembers_every_kind),
        cmocka_unit_test(long_strings_end_where_they_end),
        cmocka_unit_test(a_cut_text_is_never_json),
        cmocka_unit_test(yyjson_agrees_on_every_changed_byte),
        cmocka_unit_test(lone_surrogate_escapes_are_json),
    };
    return cmocka_run_group_tests_name("json_scan", tests, NULL, NULL);
}
