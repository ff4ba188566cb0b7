/* test_usage_log_writer.c: a row as JSON and as CSV. */

#include "wire/usage_log_writer.h"

#include "codec/json.h"
#include "support/alloc_fail.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static struct usage_log row_of(void)
{
    struct usage_log row = {
        .at =
            {
                 [0] = SLICE("01020304-0506-7008-8000-000000000009"),
                 [1] = SLICE("=cmd|'\"x\",\n"),
                 [2] = SLICE("2026-01-31T12:00:00.000Z"),
                 [3] = SLICE("3"),
                 [9] = SLICE("1"),
                 [14] = SLICE("0"),
                 [15] = SLICE("100"),
                 },
    };
    return row;
}

static void json_has_every_column(void **state)
{
    struct usage_log row = row_of();
    struct json_out o;
    struct json_error e;
    struct arena a;

    (void)state;
    arena_init(&a, 0);
    json_out_begin(&o, &a, 16);
    usage_log_write_json(&o, &row);
    assert_false(json_out_failed(&o));
    struct slice text = json_out_slice(&o);
    assert_true(json_is_valid(text, &e));
    assert_true(slice_starts(text, SLICE("{\"id\":\"01020304-0506-7008-8000-000000000009\","
                                         "\"request_id\":\"=cmd|'\\\"x\\\",\\n\","
                                         "\"created_at\":\"2026-01-31T12:00:00.000Z\","
                                         "\"user_id\":3,\"key_id\":null,")));
    assert_true(slice_find(text, SLICE("\"stream\":true,")) < text.len);
    assert_true(slice_find(text, SLICE("\"fallback_used\":false,\"prompt_tokens\":100,")) <
                text.len);
    arena_clear(&a);
}

static void csv_is_quoted_and_no_formula(void **state)
{
    struct usage_log row = row_of();
    struct json_out o;
    struct arena a;

    (void)state;
    arena_init(&a, 0);
    json_out_begin(&o, &a, 16);
    usage_log_write_csv_head(&o);
    struct slice head = json_out_slice(&o);
    assert_true(slice_starts(head, SLICE("id,request_id,created_at,user_id,key_id,")));
    json_out_begin(&o, &a, 16);
    usage_log_write_csv(&o, &row);
    struct slice text = json_out_slice(&o);
    assert_true(slice_starts(text, SLICE("01020304-0506-7008-8000-000000000009,"
                                         "\"'=cmd|'\"\"x\"\",\n\",2026-01-31T12:00:00.000Z,3,,,,,,"
                                         "true,,,,,false,100,")));
    assert_memory_equal(text.at + text.len - 2, "\r\n", 2);
    arena_clear(&a);
}

static void memory_may_end(void **state)
{
    struct usage_log row = row_of();
    struct json_out o;
    struct arena a;

    (void)state;
    for (unsigned n = 1;; n++) {
        arena_init(&a, 0);
        alloc_fail_at(n);
        json_out_begin(&o, &a, 16);
        usage_log_write_json(&o, &row);
        usage_log_write_csv(&o, &row);
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        assert_true(json_out_failed(&o) == hit);
        arena_clear(&a);
        if (!hit)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_has_every_column),
        cmocka_unit_test(csv_is_quoted_and_no_formula),
        cmocka_unit_test(memory_may_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
