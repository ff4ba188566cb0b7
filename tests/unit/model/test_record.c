/* test_record.c: text of any length in fixed members; principals and usage beside it. */

#include "model/principal.h"
#include "model/record.h"
#include "model/usage.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void short_text_is_kept(void **state)
{
    char text[8];

    (void)state;
    memset(text, 'x', sizeof(text));
    record_text(text, sizeof(text), SLICE("abc"));
    assert_memory_equal(text, "abc\0xxxx", 8); /* nothing behind the terminator is touched */
}

static void long_text_is_cut_at_a_character(void **state)
{
    char text[6];

    (void)state;
    record_text(text, sizeof(text), SLICE("abcdefgh"));
    assert_string_equal(text, "abcde");
    record_text(text, sizeof(text), SLICE("abcd\xc3\xa4z"));
    assert_string_equal(text, "abcd");
    record_text(text, sizeof(text), SLICE("ab\xf0\x9f\x99\x82z"));
    assert_string_equal(text, "ab");
    record_text(text, sizeof(text), SLICE("\x80\x80\x80\x80\x80\x80\x80"));
    assert_string_equal(text, "");
}

static void empty_text_and_no_room(void **state)
{
    char text[2] = "x";

    (void)state;
    record_text(text, 0, SLICE("abc"));
    assert_string_equal(text, "x");
    record_text(text, sizeof(text), (struct slice){0});
    assert_string_equal(text, "");
}

static void a_principal_without_a_list_may_use_all(void **state)
{
    struct principal p = {.key_id = 1};

    (void)state;
    assert_true(principal_may_use(&p, SLICE("fast")));
    p.models = SLICE("fast, smart");
    assert_true(principal_may_use(&p, SLICE("fast")));
    assert_true(principal_may_use(&p, SLICE("smart")));
    assert_false(principal_may_use(&p, SLICE("smar")));
    assert_false(principal_may_use(&p, SLICE("")));
    p.models = SLICE(" ,");
    assert_false(principal_may_use(&p, SLICE("fast")));
}

static void usage_sums_and_names(void **state)
{
    struct usage u = {.input = 1, .cached_read = 2, .cache_write = 4, .output = 8, .reasoning = 16};

    (void)state;
    assert_int_equal(usage_prompt(&u), 7);
    assert_int_equal(usage_completion(&u), 24);
    assert_string_equal(usage_source_name(USAGE_NONE), "none");
    assert_string_equal(usage_source_name(USAGE_PROVIDER), "provider");
    assert_string_equal(usage_source_name(USAGE_PARTIAL), "partial");
    assert_string_equal(usage_source_name(USAGE_ESTIMATED), "estimated");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_text_is_kept),
        cmocka_unit_test(long_text_is_cut_at_a_character),
        cmocka_unit_test(empty_text_and_no_room),
        cmocka_unit_test(a_principal_without_a_list_may_use_all),
        cmocka_unit_test(usage_sums_and_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
