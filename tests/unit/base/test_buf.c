/* test_buf.c: appends happen whole or not at all. */

#include "base/buf.h"
#include "support/alloc_fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void assert_buf(const struct buf *b, const char *expected)
{
    assert_int_equal(b->len, strlen(expected));
    assert_true(slice_eq(buf_slice(b), slice_str(expected)));
}

static void appends_of_all_kinds(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    assert_int_equal(buf_add(&b, (struct slice){0}), OK);
    assert_int_equal(buf_add(&b, SLICE("a")), OK);
    assert_int_equal(buf_add_char(&b, '-'), OK);
    assert_int_equal(buf_add_u64(&b, UINT64_MAX), OK);
    assert_int_equal(buf_printf(&b, " %s %d", "x", -1), OK);
    assert_int_equal(buf_printf(&b, "%s", ""), OK);
    assert_buf(&b, "a-18446744073709551615 x -1");
    buf_consume(&b, 2);
    assert_buf(&b, "18446744073709551615 x -1");
    buf_consume(&b, b.len);
    assert_buf(&b, "");
    buf_free(&b);
    assert_int_equal(b.max, 1000);
    assert_int_equal(buf_printf(&b, "%s", ""), OK);
    buf_consume(&b, 0);
    buf_free(&b);
}

static void the_maximum_is_exact(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 5);
    assert_int_equal(buf_add(&b, SLICE("abc")), OK);
    assert_int_equal(buf_printf(&b, "%d", 12), OK);
    assert_buf(&b, "abc12");
    assert_int_equal(buf_add_char(&b, 'x'), -EMSGSIZE);
    assert_buf(&b, "abc12");
    assert_int_equal(b.rc, -EMSGSIZE);
    buf_free(&b);
}

static void the_first_error_stays_until_reset(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4);
    assert_int_equal(buf_add(&b, SLICE("ab")), OK);
    assert_int_equal(buf_add(&b, SLICE("cde")), -EMSGSIZE);
    assert_int_equal(buf_add(&b, SLICE("c")), -EMSGSIZE);
    assert_buf(&b, "ab");
    buf_reset(&b);
    assert_int_equal(b.rc, OK);
    assert_int_equal(buf_add(&b, SLICE("cde")), OK);
    buf_free(&b);
}

static void json_escapes_what_must_be(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    buf_add_json(&b, SLICE("a\"b\\c\n\t\r\b\f\x01\x1f\x7f/ \xC3\xA9\xF0\x9F\x98\x80"));
    assert_buf(&b, "a\\\"b\\\\c\\n\\t\\r\\b\\f\\u0001\\u001f\x7f/ \xC3\xA9\xF0\x9F\x98\x80");
    buf_reset(&b);
    buf_add_json(&b, slice_of("a\0b", 3));
    assert_buf(&b, "a\\u0000b");
    buf_reset(&b);
    buf_add_json(&b, SLICE("a\xFF"
                           "b\xE4\xBD"));
    assert_buf(&b, "a\xEF\xBF\xBD"
                   "b\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_int_equal(buf_add_json(&b, (struct slice){0}), OK);
    buf_free(&b);
}

static void json_escapes_at_every_place_and_maximum(void **state)
{
    (void)state;
    for (size_t n = 1; n < 70; n++) {
        char text[70], expected[80];
        memset(text, 'a', sizeof(text));
        text[n - 1] = '\n';
        memset(expected, 'a', sizeof(expected));
        memcpy(expected + n - 1, "\\n", 2);
        for (size_t max = 1; max < 75; max++) {
            struct buf b;
            buf_init(&b, max);
            int rc = buf_add_json(&b, slice_of(text, n));
            assert_int_equal(rc, n + 1 <= max ? OK : -EMSGSIZE);
            assert_true(slice_eq(buf_slice(&b), slice_of(expected, rc == OK ? n + 1 : 0)));
            buf_free(&b);
        }
    }
}

static void json_grows_when_all_is_escaped(void **state)
{
    (void)state;
    char text[10000];
    struct buf b;
    memset(text, 1, sizeof(text));
    buf_init(&b, 60003);
    assert_int_equal(buf_add_json(&b, slice_of(text, sizeof(text))), OK);
    assert_int_equal(b.len, 60000);
    assert_int_equal(buf_add_json(&b, slice_of(text, 1)), -EMSGSIZE);
    assert_int_equal(b.len, 60000);
    buf_free(&b);
}

static void failing_allocations_leave_it_as_it_was(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        struct buf b;
        buf_init(&b, 100000);
        alloc_fail_at(n);
        char big[1000];
        memset(big, 2, sizeof(big));
        buf_add(&b, SLICE("abc"));
        buf_printf(&b, "%0500d", 0);
        size_t before = b.len;
        int rc = buf_add_json(&b, slice_of(big, sizeof(big)));
        bool hit = alloc_fail_hit();
        assert_int_equal(rc, hit ? -ENOMEM : OK);
        assert_int_equal(b.len, hit ? before : before + 6000);
        buf_free(&b);
        if (!hit)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_of_all_kinds),
        cmocka_unit_test(the_maximum_is_exact),
        cmocka_unit_test(the_first_error_stays_until_reset),
        cmocka_unit_test(json_escapes_what_must_be),
        cmocka_unit_test(json_escapes_at_every_place_and_maximum),
        cmocka_unit_test(json_grows_when_all_is_escaped),
        cmocka_unit_test(failing_allocations_leave_it_as_it_was),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
