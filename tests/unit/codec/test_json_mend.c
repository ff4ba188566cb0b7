/* test_json_mend.c: of every beginning of a JSON text, JSON is made. */

#include "codec/json_mend.h"

#include "codec/json.h"
#include "support/alloc_fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static void check(const char *text, const char *expected)
{
    struct arena a;
    struct slice mended;

    arena_init(&a, 0);
    assert_int_equal(json_mend(slice_str(text), &a, &mended), OK);
    if (!slice_eq(mended, slice_str(expected)))
        fail_msg("%s became %.*s", text, SLICE_FMT(mended));
    arena_clear(&a);
}

static void what_is_missing_is_added(void **state)
{
    (void)state;
    check("{\"a\":[1,{\"b\":\"text", "{\"a\":[1,{\"b\":\"text\"}]}");
    check("{\"a\":\"x\\u00", "{\"a\":\"x\"}");
    check("{\"a\":\"x\\", "{\"a\":\"x\"}");
    check("{\"a\":1,", "{\"a\":1}");
    check("{\"a\":1,\"na", "{\"a\":1,\"na\":null}");
    check("{\"a\":1,\"name\"", "{\"a\":1,\"name\":null}");
    check("{\"a\":", "{\"a\":null}");
    check("{\"a\":tr", "{\"a\":null}");
    check("[\"a\",12", "[\"a\"]");
    check("[\"a\" , ", "[\"a\" ]");
    check("", "null");
    check("{\"a\":\"\xe4\xbd", "{\"a\":\"\"}");
}

static void what_is_whole_stays(void **state)
{
    static const char text[] = "{\"a\":[1,2,{\"b\":null}]}";
    struct slice mended;
    struct arena a;

    (void)state;
    arena_init(&a, 0);
    assert_int_equal(json_mend(slice_str(text), &a, &mended), OK);
    assert_ptr_equal(mended.at, text);
    arena_clear(&a);
}

static void every_beginning(void **state)
{
    static const char text[] =
        " {\"model\" : \"m\", \"n\":-12.5e+3,\"t\":true,\"f\":false,\"z\":null,\"e\":{},\"l\":[],"
        "\"messages\":[{\"role\":\"user\",\"content\":\"a\\\"b\\\\c\\ud83d\\ude00 \xe4\xbd\xa0\"},"
        "[[1],[\"x\",{\"k\\u0041\":[true , false]}]]], \"last\":\"\" } ";

    (void)state;
    for (size_t n = 0; n < sizeof(text); n++) {
        char *copy = malloc(n ? n : 1); /* so that a sanitizer sees what is read behind it */
        struct json_error why;
        struct slice mended;
        struct arena a;

        assert_non_null(copy);
        memcpy(copy, text, n);
        arena_init(&a, 0);
        assert_int_equal(json_mend(slice_of(copy, n), &a, &mended), OK);
        if (!json_is_valid(mended, &why))
            fail_msg("%.*s became %.*s", (int)n, text, SLICE_FMT(mended));
        arena_clear(&a);
        free(copy);
    }
}

static void too_deep_is_refused(void **state)
{
    char text[JSON_DEPTH_MAX + 1];
    struct slice mended;
    struct arena a;

    (void)state;
    arena_init(&a, 0);
    memset(text, '[', sizeof(text));
    assert_int_equal(json_mend(slice_of(text, sizeof(text)), &a, &mended), -EINVAL);
    assert_int_equal(json_mend(slice_of(text, JSON_DEPTH_MAX - 1), &a, &mended), OK);
    arena_clear(&a);
}

static void without_memory(void **state)
{
    struct slice mended;
    struct arena a;

    (void)state;
    arena_init(&a, 0);
    alloc_fail_at(1);
    assert_int_equal(json_mend(SLICE("{\"a\":"), &a, &mended), -ENOMEM);
    assert_true(alloc_fail_hit());
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_missing_is_added), cmocka_unit_test(what_is_whole_stays),
        cmocka_unit_test(every_beginning),          cmocka_unit_test(too_deep_is_refused),
        cmocka_unit_test(without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
