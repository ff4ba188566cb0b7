/* test_headers.c: header fields as a list. */

#include "codec/headers.h"

#include "support/alloc_fail.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_names_are_found_without_case(void **state)
{
    struct arena a;
    struct headers h = {0};
    (void)state;

    arena_init(&a, 0);
    assert_int_equal(headers_add(&h, &a, SLICE("Content-Type"), SLICE("text/plain")), OK);
    assert_int_equal(headers_add(&h, &a, SLICE("X-Empty"), SLICE("")), OK);
    assert_int_equal(headers_add(&h, &a, SLICE("content-type"), SLICE("second")), OK);
    assert_true(slice_eq(headers_get(&h, SLICE("CONTENT-TYPE")), SLICE("text/plain")));
    assert_int_equal(headers_count(&h, SLICE("content-type")), 2);
    assert_non_null(headers_find(&h, SLICE("x-empty")));
    assert_null(headers_find(&h, SLICE("content-typ")));
    assert_int_equal(headers_get(&h, SLICE("nothing")).len, 0);
    arena_clear(&a);
}

static void test_there_is_a_limit(void **state)
{
    struct arena a;
    struct headers h = {0};
    (void)state;

    arena_init(&a, 0);
    for (unsigned i = 0; i < HEADERS_MAX; i++)
        assert_int_equal(headers_add(&h, &a, SLICE("a"), SLICE("b")), OK);
    assert_int_equal(headers_add(&h, &a, SLICE("a"), SLICE("b")), -E2BIG);
    assert_int_equal(headers_count(&h, SLICE("A")), HEADERS_MAX);
    arena_clear(&a);
}

static void test_without_memory(void **state)
{
    struct arena a;
    struct headers h = {0};
    (void)state;

    arena_init(&a, 0);
    alloc_fail_at(1);
    assert_int_equal(headers_add(&h, &a, SLICE("a"), SLICE("b")), -ENOMEM);
    assert_true(alloc_fail_hit());
    assert_int_equal(h.len, 0);
    arena_clear(&a);
}

static void test_safe_values(void **state)
{
    (void)state;
    assert_true(header_value_is_safe(SLICE("")));
    assert_true(header_value_is_safe(SLICE("a\tb \x80\xff~")));
    assert_false(header_value_is_safe(SLICE("a\rb")));
    assert_false(header_value_is_safe(SLICE("a\nb")));
    assert_false(header_value_is_safe(SLICE("a\0b")));
    assert_false(header_value_is_safe(SLICE("\x7f")));
    assert_false(header_value_is_safe(SLICE("\x1b[0m")));
}

static void test_safe_names(void **state)
{
    (void)state;
    assert_true(header_name_is_safe(SLICE("x")));
    assert_true(header_name_is_safe(SLICE("x-a-name-longer-than-sixteen-bytes")));
    assert_false(header_name_is_safe(SLICE("")));
    assert_false(header_name_is_safe(SLICE("a b")));
    assert_false(header_name_is_safe(SLICE("a\tb")));
    assert_false(header_name_is_safe(SLICE("a:")));
}

/* every byte at every place of texts of every length that blocks and rests can have */
static void test_every_byte_at_every_place(void **state)
{
    char text[40];

    (void)state;
    for (size_t len = 1; len <= sizeof(text); len++) {
        for (size_t at = 0; at < len; at++) {
            memset(text, 'x', sizeof(text));
            for (unsigned c = 0; c < 256; c++) {
                text[at] = (char)c;
                struct slice s = slice_of(text, len);
                assert_int_equal(header_value_is_safe(s), (c >= ' ' || c == '\t') && c != 0x7F);
                assert_int_equal(header_name_is_safe(s), c > ' ' && c != ':' && c != 0x7F);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_found_without_case),
        cmocka_unit_test(test_there_is_a_limit),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_safe_values),
        cmocka_unit_test(test_safe_names),
        cmocka_unit_test(test_every_byte_at_every_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
