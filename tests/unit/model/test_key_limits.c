/* test_key_limits.c: limits for single models as text and back, and the numbers they count under.
 */

#include "model/key_limits.h"

#include "support/alloc_fail.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static const struct key_limit limits[] = {
    {SLICE_INIT("gpt-4o"),   60, 100000, 4},
    {SLICE_INIT("a/b:c"),    0,  0,      1},
    {SLICE_INIT("9/9/9/me"), 1,  2,      3},
};

static void what_is_written_is_read(void **state)
{
    struct arena arena;
    struct key_limit limit;

    (void)state;
    arena_init(&arena, 0);
    struct slice text = key_limits_text(limits, ARRAY_LEN(limits), &arena), rest = text;
    assert_int_equal(text.len, strlen("60/100000/4/gpt-4o,0/0/1/a/b:c,1/2/3/9/9/9/me"));
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        assert_true(key_limits_next(&rest, &limit));
        assert_true(slice_eq(limit.model, limits[i].model));
        assert_int_equal(limit.rpm, limits[i].rpm);
        assert_int_equal(limit.tpm, limits[i].tpm);
        assert_int_equal(limit.concurrency, limits[i].concurrency);
    }
    assert_false(key_limits_next(&rest, &limit));
    assert_true(key_limits_find(text, SLICE("a/b:c"), &limit));
    assert_int_equal(limit.concurrency, 1);
    assert_false(key_limits_find(text, SLICE("b:c"), &limit));
    assert_int_equal(key_limits_text(NULL, 0, &arena).len, 0);
    assert_non_null(key_limits_text(NULL, 0, &arena).at);
    arena_clear(&arena);
}

static void a_text_cut_anywhere_is_read_or_ends(void **state)
{
    struct slice whole = SLICE("60/100000/4/gpt-4o,0/0/1/a/b:c");

    (void)state;
    for (size_t n = 0; n <= whole.len; n++) {
        struct slice rest = slice_sub(whole, 0, n);
        struct key_limit limit;
        unsigned found = 0;
        while (key_limits_next(&rest, &limit))
            found++;
        assert_true(found <= 2);
    }
}

static void out_of_memory_is_told(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    alloc_fail_at(1);
    assert_null(key_limits_text(limits, ARRAY_LEN(limits), &arena).at);
    assert_true(alloc_fail_hit());
    alloc_fail_at(0);
    arena_clear(&arena);
}

static void numbers_are_alike_everywhere_and_no_keys(void **state)
{
    (void)state;
    assert_int_equal(key_limits_id(7, SLICE("gpt-4o")), key_limits_id(7, SLICE("gpt-4o")));
    assert_int_not_equal(key_limits_id(7, SLICE("gpt-4o")), key_limits_id(8, SLICE("gpt-4o")));
    assert_int_not_equal(key_limits_id(7, SLICE("gpt-4o")), key_limits_id(7, SLICE("gpt-4")));
    assert_true(key_limits_id(7, SLICE("gpt-4o")) >= (int64_t)1 << 62);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_text_cut_anywhere_is_read_or_ends),
        cmocka_unit_test(out_of_memory_is_told),
        cmocka_unit_test(numbers_are_alike_everywhere_and_no_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
