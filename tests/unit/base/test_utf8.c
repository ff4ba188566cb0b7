/* test_utf8.c: the vector validator and the plain one say the same, at every place in a block. */

#include "base/utf8.h"

#include <stdlib.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* independent of the code under test: decode, then ask whether that is the only way to write it */
static bool is_sequence(const unsigned char *p, size_t n)
{
    static const unsigned first_bits[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    static const unsigned least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = p[0] < 0x80    ? 1
                 : p[0] >= 0xF8 ? 0
                 : p[0] >= 0xF0 ? 4
                 : p[0] >= 0xE0 ? 3
                 : p[0] >= 0xC0 ? 2
                                : 0;

    if (len == 0 || len != n)
        return false;
    unsigned c = p[0] & first_bits[len];
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return false;
        c = c << 6 | (p[i] & 0x3F);
    }
    return c >= least[len] && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
}

static void what_changes_the_text_around_it_is_known(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
    } cases[] = {
        {"\x1b",         1},
        {"\x7f",         1},
        {"\xc2\x80",     2},
        {"\xc2\x9f",     2},
        {"\xe2\x80\xa8", 3},
        {"\xe2\x80\xae", 3},
        {"\xe2\x81\xa6", 3},
        {"\xe2\x81\xa9", 3},
        {"a",            0},
        {"~",            0},
        {"\xc2\xa0",     0},
        {"\xc3\x80",     0},
        {"\xe2\x80\xa7", 0},
        {"\xe2\x80\xaf", 0},
        {"\xe2\x81\xa5", 0},
        {"\xe2\x81\xaa", 0},
        {"\xe2\x82\xa8", 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const unsigned char *p = (const unsigned char *)cases[i].text;
        assert_int_equal(utf8_control(p, strlen(cases[i].text)), cases[i].len);
        if (cases[i].len > 1) /* cut short */
            assert_int_equal(utf8_control(p, cases[i].len - 1), 0);
    }
    assert_int_equal(utf8_control((const unsigned char *)"", 1), 1);
}

static void every_sequence_of_two_bytes_is_judged(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 65536; i++) {
        unsigned char p[2] = {(unsigned char)(i >> 8), (unsigned char)i};
        bool two = is_sequence(p, 2), ones = is_sequence(p, 1) && is_sequence(p + 1, 1);
        size_t bad = utf8_first_bad(slice_of((char *)p, 2));
        assert_int_equal(bad == 2, two || ones);
    }
}

/* The sequence stands somewhere in a text long enough for the vector road. */
static size_t first_bad_at(const unsigned char *seq, size_t n, size_t at)
{
    char text[100];

    memset(text, 'a', sizeof(text));
    memcpy(text + at, seq, n);
    return utf8_first_bad(slice_of(text, sizeof(text)));
}

static void long_sequences_are_judged_on_the_vector_road(void **state)
{
    (void)state;
    static const unsigned char tails[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F,
                                          0xA0, 0xBF, 0xC0, 0xE0, 0xFF};
    enum { T = sizeof(tails) };

    for (unsigned lead = 0xC0; lead <= 0xFF; lead++) {
        for (unsigned i = 0; i < T * T * T; i++) {
            unsigned char p[4] = {(unsigned char)lead, tails[i % T], tails[i / T % T],
                                  tails[i / T / T]};
            size_t n = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
            size_t at = 28 + i % 5; /* across the seam of two blocks, too */
            assert_int_equal(first_bad_at(p, n, at) == 100, is_sequence(p, n));
        }
    }
}

static void the_first_fault_is_found_at_every_place(void **state)
{
    (void)state;
    for (size_t at = 0; at < 100; at++)
        assert_int_equal(first_bad_at((const unsigned char *)"\xFF", 1, at), at);
}

static void a_cut_sequence_is_a_fault_at_every_length(void **state)
{
    (void)state;
    static const char one[] = "\xF0\x9F\x98\x80";
    for (size_t n = 0; n < 140; n++) {
        char *text = malloc(n + 4); /* exact: a read past the end is seen */
        assert_non_null(text);
        memset(text, 'a', n);
        memcpy(text + n, one, 4);
        for (size_t kept = 1; kept <= 4; kept++) {
            char *exact = malloc(n + kept);
            assert_non_null(exact);
            memcpy(exact, text, n + kept);
            assert_int_equal(utf8_first_bad(slice_of(exact, n + kept)), kept == 4 ? n + 4 : n);
            free(exact);
        }
        free(text);
    }
}

static void chinese_text_is_fine(void **state)
{
    (void)state;
    char text[3 * 300];
    for (size_t i = 0; i < 300; i++)
        memcpy(text + 3 * i, "\xE4\xBD\xA0", 3);
    assert_true(slice_is_utf8(slice_of(text, sizeof(text))));
    text[700] = 'x';
    assert_int_equal(utf8_first_bad(slice_of(text, sizeof(text))), 699);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_changes_the_text_around_it_is_known),
        cmocka_unit_test(every_sequence_of_two_bytes_is_judged),
        cmocka_unit_test(long_sequences_are_judged_on_the_vector_road),
        cmocka_unit_test(the_first_fault_is_found_at_every_place),
        cmocka_unit_test(a_cut_sequence_is_a_fault_at_every_length),
        cmocka_unit_test(chinese_text_is_fine),
    };
    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
