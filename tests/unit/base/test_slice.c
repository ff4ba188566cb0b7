/* test_slice.c: comparing, searching, cutting and hashing borrowed bytes. */

#include "base/slice.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void assert_slice(struct slice s, const char *expected)
{
    assert_int_equal(s.len, strlen(expected));
    assert_true(slice_eq(s, slice_str(expected)));
}

static void empty_slices_need_no_memory(void **state)
{
    (void)state;
    struct slice none = {0};
    assert_true(slice_eq(none, SLICE("")));
    assert_true(slice_eq(slice_str(NULL), none));
    assert_true(slice_starts(none, none));
    assert_true(slice_starts(SLICE("a"), none));
    assert_false(slice_starts(none, SLICE("a")));
    assert_int_equal(slice_sub(none, 0, 0).len, 0);
    assert_true(slice_eq_nocase(none, none));
    assert_true(slice_eq_secret(none, none));
    assert_true(slice_is_utf8(none));
    assert_int_equal(slice_trim(none).len, 0);
    assert_int_equal(slice_find(none, SLICE("x")), 0);
    assert_int_equal(slice_cut(&none, ',').len, 0);
    assert_int_equal(slice_hash(none), slice_hash(SLICE("")));
}

static void eq_nocase_folds_ascii_letters_only(void **state)
{
    (void)state;
    assert_true(slice_eq_nocase(SLICE("Content-TYPE"), SLICE("content-type")));
    assert_false(slice_eq_nocase(SLICE("a"), SLICE("ab")));
    assert_false(slice_eq_nocase(SLICE("["), SLICE("{")));
    assert_false(slice_eq_nocase(SLICE("\xC3\x84"), SLICE("\xC3\xA4")));
}

static void names_are_ordered_by_bytes(void **state)
{
    static const char *const sorted[] = {"", "A", "Z", "a", "aa", "ab", "b", "\xc3\xa4"};
    const struct slice none = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sorted); i++)
        for (size_t j = 0; j < ARRAY_LEN(sorted); j++) {
            int order = slice_order(slice_str(sorted[i]), slice_str(sorted[j]));
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    assert_int_equal(slice_order(none, none), 0);
    assert_true(slice_order(none, SLICE("a")) < 0);
}

static void trim_takes_spaces_and_tabs(void **state)
{
    (void)state;
    assert_slice(slice_trim(SLICE(" \t a b\t ")), "a b");
    assert_slice(slice_trim(SLICE(" \t ")), "");
    assert_slice(slice_trim(SLICE("\na")), "\na");
}

static void find_gives_the_first_place_or_the_length(void **state)
{
    (void)state;
    assert_int_equal(slice_find(SLICE("hello"), SLICE("l")), 2);
    assert_int_equal(slice_find(SLICE("hello"), SLICE("")), 0);
    assert_int_equal(slice_find(SLICE("hello"), SLICE("lx")), 5);
    assert_int_equal(slice_find(SLICE("h"), SLICE("hello")), 1);
}

static void cut_walks_a_list(void **state)
{
    (void)state;
    struct slice s = SLICE("a,,b");
    assert_slice(slice_cut(&s, ','), "a");
    assert_slice(slice_cut(&s, ','), "");
    assert_slice(slice_cut(&s, ','), "b");
    assert_int_equal(s.len, 0);
    s = SLICE("x,");
    assert_slice(slice_cut(&s, ','), "x");
    assert_int_equal(s.len, 0);
}

static void to_u64_takes_digits_only(void **state)
{
    (void)state;
    uint64_t n = 7;
    assert_int_equal(slice_to_u64(SLICE("0"), &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(slice_to_u64(SLICE("18446744073709551615"), &n), OK);
    assert_true(n == UINT64_MAX);
    assert_int_equal(slice_to_u64(SLICE("18446744073709551616"), &n), -ERANGE);
    assert_int_equal(slice_to_u64(SLICE("99999999999999999999999"), &n), -ERANGE);
    assert_int_equal(slice_to_u64(SLICE("99999999999999999999999x"), &n), -EINVAL);
    const char *bad[] = {"", "-1", "+1", " 1", "1 ", "1.0", "0x1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(slice_to_u64(slice_str(bad[i]), &n), -EINVAL);
}

static void eq_secret_compares_all(void **state)
{
    (void)state;
    assert_true(slice_eq_secret(SLICE("abc"), SLICE("abc")));
    assert_false(slice_eq_secret(SLICE("abc"), SLICE("abd")));
    assert_false(slice_eq_secret(SLICE("abc"), SLICE("xbc")));
    assert_false(slice_eq_secret(SLICE("abc"), SLICE("ab")));
}

/* every length has its own way through the hash: each byte of each length must count */
static void hash_depends_on_every_byte(void **state)
{
    (void)state;
    char text[80] = {0};
    for (size_t n = 0; n <= sizeof(text); n++) {
        uint64_t h = slice_hash(slice_of(text, n));
        assert_true(h == slice_hash(slice_of(text, n)));
        if (n > 0)
            assert_true(h != slice_hash(slice_of(text, n - 1)));
        for (size_t i = 0; i < n; i++) {
            text[i] ^= 1;
            assert_true(h != slice_hash(slice_of(text, n)));
            text[i] ^= 1;
        }
    }
}

static void hash_spreads_similar_names(void **state)
{
    (void)state;
    unsigned buckets[256] = {0};
    for (unsigned i = 0; i < 65536; i++) {
        char name[4] = {'k', (char)(i >> 8), (char)i, 'x'};
        buckets[slice_hash(slice_of(name, sizeof(name))) & 255]++;
    }
    for (size_t i = 0; i < 256; i++) /* expected 256, standard deviation 16 */
        assert_in_range(buckets[i], 256 - 128, 256 + 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_slices_need_no_memory),
        cmocka_unit_test(eq_nocase_folds_ascii_letters_only),
        cmocka_unit_test(names_are_ordered_by_bytes),
        cmocka_unit_test(trim_takes_spaces_and_tabs),
        cmocka_unit_test(find_gives_the_first_place_or_the_length),
        cmocka_unit_test(cut_walks_a_list),
        cmocka_unit_test(to_u64_takes_digits_only),
        cmocka_unit_test(eq_secret_compares_all),
        cmocka_unit_test(hash_depends_on_every_byte),
        cmocka_unit_test(hash_spreads_similar_names),
    };
    return cmocka_run_group_tests_name("slice", tests, NULL, NULL);
}
