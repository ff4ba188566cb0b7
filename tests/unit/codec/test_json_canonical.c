/* test_json_canonical.c: texts that ask the same have one text, others have another. */

#include "codec/json_canonical.h"

#include "codec/json.h"
#include "support/alloc_fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static int canonical(struct arena *a, const char *text, struct slice *ret)
{
    struct json_out out;

    json_out_begin(&out, a, 16);
    int rc = json_canonical(slice_str(text), &out);
    *ret = json_out_slice(&out);
    return rc;
}

static void each_text_has_its_form(void **state)
{
    static const struct {
        const char *text, *form;
    } cases[] = {
        {"{}",                                              "{}"                                 },
        {" { \n\t\r} ",                                     "{}"                                 },
        {"{\"b\" : 1 , \"a\" :[ 1 , 2.0e+1,\"x y\" ] }",    "{\"a\":[1,2.0e+1,\"x y\"],\"b\":1}" },
        {"{\"a\":{\"z\":1, \"b\":2}}",                      "{\"a\":{\"z\":1,\"b\":2}}"          },
        {"{\"a\":[{\"z\":1, \"b\":2}]}",                    "{\"a\":[{\"b\":2,\"z\":1}]}"        },
        {"{\"a\":[{\"z\":[{\"d\":1,\"c\":2}],\"b\":2}]}",
         "{\"a\":[{\"b\":2,\"z\":[{\"c\":2,\"d\":1}]}]}"                                         },
        {"{\"a\":[{\"z\":[{\"d\":[{\"f\":1,\"e\":2}]}]}]}",
         "{\"a\":[{\"z\":[{\"d\":[{\"f\":1,\"e\":2}]}]}]}"                                       },
        {"{\"a\":[[{\"z\":1,\"b\":2}],[],{}]}",             "{\"a\":[[{\"z\":1,\"b\":2}],[],{}]}"},
        {"{\"ab\":1,\"a\":2,\"\":3,\"B\":4}",               "{\"\":3,\"B\":4,\"a\":2,\"ab\":1}"  },
        {"{\"\\u0062\":1,\"a\":\"\\u0041\\u00e9\"}",        "{\"a\":\"A\xC3\xA9\",\"b\":1}"      },
        {"{\"a\":\"\\/\\\"\\\\\\b\\f\\n\\r\\t\"}",
         "{\"a\":\"/\\\"\\\\\\u0008\\u000c\\u000a\\u000d\\u0009\"}"                              },
        {"{\"a\":\"\\u0022\\u005C\\u001F\\u000a\"}",        "{\"a\":\"\\\"\\\\\\u001f\\u000a\"}" },
        {"{\"a\":\"\\uD83D\\uDE00\"}",                      "{\"a\":\"\xF0\x9F\x98\x80\"}"       },
        {"{\"a\":\"\\uD83D\\u0041\\uDE00\\uD83D\"}",        "{\"a\":\"\\ud83dA\\ude00\\ud83d\"}" },
        {"{\"a\":\"\\uD83D\\uD83D\\uDE00\"}",               "{\"a\":\"\\ud83d\xF0\x9F\x98\x80\"}"},
        {"{\"a\":[true,false,null,-0,0,1E5]}",              "{\"a\":[true,false,null,-0,0,1E5]}" },
    };
    struct arena arena;
    struct slice form;

    (void)state;
    arena_init(&arena, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(canonical(&arena, cases[i].text, &form), OK);
        if (!slice_eq(form, slice_str(cases[i].form)))
            fail_msg("%s became %.*s", cases[i].text, SLICE_FMT(form));
        /* a form is its own form */
        assert_int_equal(canonical(&arena, arena_copy(&arena, form).at, &form), OK);
        assert_true(slice_eq(form, slice_str(cases[i].form)));
    }
    arena_clear(&arena);
}

static void what_differs_stays_different(void **state)
{
    static const char *const texts[] = {
        "{\"a\":1}",
        "{\"a\":1.0}",
        "{\"a\":10e-1}",
        "{\"a\":\"1\"}",
        "{\"a\":[1]}",
        "{\"a\":null}",
        "{\"a\":\"\"}",
        "{\"A\":1}",
        "{\"a\":1,\"b\":null}",
        "{\"a\":[1,2]}",
        "{\"a\":[2,1]}",
        "{\"a\":[12]}",
        "{\"a\":[\"1,2\"]}",
        "{\"a\":{\"x\":1,\"y\":2}}",
        "{\"a\":{\"y\":2,\"x\":1}}",
        "{\"a\":\"x y\"}",
        "{\"a\":\"x  y\"}",
        "{\"a\":\"\xEF\xBF\xBD\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\udc00\"}",
        "{\"a\":\"\\\\ud800\"}",
        "{\"a\":\"\\\"\"}",
        "{\"a\":\"\\n\"}",
        "{\"a\":\"\\\\n\"}",
    };
    struct slice forms[ARRAY_LEN(texts)];
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_int_equal(canonical(&arena, texts[i], &forms[i]), OK);
        for (size_t k = 0; k < i; k++)
            if (slice_eq(forms[i], forms[k]))
                fail_msg("%s and %s look alike", texts[i], texts[k]);
    }
    arena_clear(&arena);
}

static void what_cannot_be_sorted_is_told(void **state)
{
    char many[JSON_SORTED_MEMBERS * 16 + 64];
    size_t n = 0;
    struct arena arena;
    struct slice form;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(canonical(&arena, "{\"a\":1,\"b\":2,\"a\":1}", &form), -EEXIST);
    assert_int_equal(canonical(&arena, "{\"a\":1,\"\\u0061\":1}", &form), -EEXIST);
    assert_int_equal(canonical(&arena, "{\"m\":[{\"a\":1,\"a\":1}]}", &form), -EEXIST);
    assert_int_equal(canonical(&arena, "{\"m\":{\"a\":1,\"a\":1}}", &form), OK);
    for (int i = 0; i < JSON_SORTED_MEMBERS; i++)
        n += (size_t)snprintf(many + n, sizeof(many) - n, "%s\"%d\":%d", i ? "," : "{", i, i);
    snprintf(many + n, sizeof(many) - n, "}");
    assert_int_equal(canonical(&arena, many, &form), OK);
    snprintf(many + n, sizeof(many) - n, ",\"x\":1}");
    assert_int_equal(canonical(&arena, many, &form), -E2BIG);
    arena_clear(&arena);
}

static const char sample[] =
    "{\"model\":\"m\",\"mess\\u0061ges\":[{\"role\":\"user\",\"content\":\"\\ud83d\\ude00 \\\" "
    "\\u0001\\ud800\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}],"
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"b\":1,\"a\":"
    "[2, 3]}}}],\"temperature\":0.5}";

static void cut_anywhere_it_stays_within(void **state)
{
    (void)state;
    for (size_t n = 0; n <= sizeof(sample) - 1; n++) {
        char *text = malloc(n ? n : 1); /* the sanitizer watches its end */
        struct arena arena;
        struct json_out out;
        arena_init(&arena, 0);
        memcpy(text, sample, n);
        json_out_begin(&out, &arena, 0);
        (void)!json_canonical(slice_of(text, n), &out);
        arena_clear(&arena);
        free(text);
    }
}

static void out_of_memory_is_told(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        struct arena arena;
        struct slice form;
        arena_init(&arena, 0);
        alloc_fail_at(n);
        int rc = canonical(&arena, sample, &form);
        bool hit = alloc_fail_hit();
        assert_int_equal(rc, hit ? -ENOMEM : OK);
        arena_clear(&arena);
        if (!hit)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_text_has_its_form),
        cmocka_unit_test(what_differs_stays_different),
        cmocka_unit_test(what_cannot_be_sorted_is_told),
        cmocka_unit_test(cut_anywhere_it_stays_within),
        cmocka_unit_test(out_of_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
