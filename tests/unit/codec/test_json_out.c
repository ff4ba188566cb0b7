/* test_json_out.c: JSON is put together, however little room was expected. */

#include "codec/json_out.h"

#include "codec/json.h"
#include "support/alloc_fail.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void write_sample(struct json_out *o, struct slice text)
{
    json_out_char(o, '{');
    json_out_name(o, "a");
    json_out_u64(o, UINT64_MAX);
    json_out_name(o, "b");
    json_out_char(o, '[');
    json_out_comma(o);
    json_out_quote(o, SLICE("x\\n"));
    json_out_comma(o);
    json_out_char(o, '"');
    json_out_escape(o, text);
    json_out_literal(o, "\"]}");
}

static void members_and_elements(void **state)
{
    struct json_out o;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    json_out_begin(&o, &arena, 0);
    write_sample(&o, SLICE("\"\\\x01\n\xff"));
    assert_false(json_out_failed(&o));
    assert_true(slice_eq(json_out_slice(&o), SLICE("{\"a\":18446744073709551615,\"b\":[\"x\\n\","
                                                   "\"\\\"\\\\\\u0001\\n\xEF\xBF\xBD\"]}")));
    arena_clear(&arena);
}

static void it_grows(void **state)
{
    static char text[10000];
    struct json_out o;
    struct json_error why;
    struct arena arena;

    (void)state;
    memset(text, '\x01', sizeof(text));
    arena_init(&arena, 0);
    json_out_begin(&o, &arena, 16);
    write_sample(&o, slice_of(text, sizeof(text)));
    assert_int_equal(json_out_slice(&o).len,
                     strlen("{\"a\":18446744073709551615,\"b\":[\"x\\n\",\"\"]}") +
                         6 * sizeof(text));
    assert_true(json_is_valid(json_out_slice(&o), &why));
    arena_clear(&arena);
}

static void without_memory_nothing_is_written(void **state)
{
    static char text[10000];

    (void)state;
    memset(text, '"', sizeof(text));
    for (unsigned n = 1;; n++) {
        struct json_out o;
        struct arena arena;

        arena_init(&arena, 0);
        alloc_fail_at(n);
        json_out_begin(&o, &arena, 16);
        write_sample(&o, slice_of(text, sizeof(text)));
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        assert_int_equal(json_out_failed(&o), hit);
        arena_clear(&arena);
        if (!hit)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_and_elements),
        cmocka_unit_test(it_grows),
        cmocka_unit_test(without_memory_nothing_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
