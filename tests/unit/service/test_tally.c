/* Figures by names: rows, their limit, and who reads meanwhile. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/alloc_fail.h"
#include "service/tally.h"

#include <pthread.h>
#include <stdio.h>

static const struct slice here = SLICE_INIT("here"), there = SLICE_INIT("there");

static struct tally_key key_of(uint32_t code, const char *a, const char *b, const char *c)
{
    return (struct tally_key){
        .code = code,
        .place = here,
        .names = {slice_str(a), slice_str(b), slice_str(c)},
    };
}

static uint64_t cell_of(const struct tally *t, size_t row, struct tally_key *ret)
{
    return tally_get(&tally_read(t, row, ret)[1]);
}

static void what_is_the_same_has_one_row(void **state)
{
    struct tally *t = tally_new(2);
    struct tally_key key = key_of(7, "m", "s", "p"), got;

    (void)state;
    tally_add(&tally_row(t, &key)[1], 2);
    tally_add(&tally_row(t, &key)[1], 3);
    assert_int_equal(tally_len(t), 1);
    assert_int_equal(cell_of(t, 0, &got), 5);
    assert_int_equal(got.code, 7);
    assert_true(slice_eq(got.place, here));
    assert_true(slice_eq(got.names[0], SLICE("m")) && slice_eq(got.names[1], SLICE("s")) &&
                slice_eq(got.names[2], SLICE("p")));
    tally_free(t);
}

static void what_differs_in_anything_has_rows_of_its_own(void **state)
{
    struct tally *t = tally_new(2);
    struct tally_key keys[] = {
        key_of(1, "m", "s", "p"), key_of(2, "m", "s", "p"), key_of(1, "n", "s", "p"),
        key_of(1, "m", "t", "p"), key_of(1, "m", "s", "q"), key_of(1, "m", "s", NULL),
        key_of(1, "m", "s", "p"), key_of(1, "ms", "", "p"),
    };

    (void)state;
    keys[6].place = there;
    for (size_t round = 0; round < 2; round++)
        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
            tally_add(&tally_row(t, &keys[i])[0], i + 1);
    assert_int_equal(tally_len(t), ARRAY_LEN(keys));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct tally_key got;
        assert_int_equal(tally_get(tally_read(t, i, &got)), 2 * (i + 1));
    }
    tally_free(t);
}

static void a_long_name_is_cut(void **state)
{
    struct tally *t = tally_new(2);
    char text[300];
    struct tally_key key = key_of(0, "", "", ""), got;

    (void)state;
    memset(text, 'x', sizeof(text));
    key.names[0] = slice_of(text, 300);
    tally_row(t, &key);
    key.names[0] = slice_of(text, TALLY_NAME_MAX);
    tally_row(t, &key);
    assert_int_equal(tally_len(t), 1);
    tally_read(t, 0, &got);
    assert_int_equal(got.names[0].len, TALLY_NAME_MAX);
    tally_free(t);
}

/* Nothing that a client or a configuration does makes it grow beyond its limit. */
static void beyond_the_limit_names_are_other(void **state)
{
    struct tally *t = tally_new(2);
    struct tally_key got;
    char name[20];

    (void)state;
    for (unsigned i = 0; i < TALLY_ROWS + 5000; i++) {
        snprintf(name, sizeof(name), "model-%u", i);
        struct tally_key key = key_of(i % 2, name, "", "p");
        tally_add(&tally_row(t, &key)[1], 1);
    }
    assert_int_equal(tally_len(t), TALLY_ROWS + 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(cell_of(t, TALLY_ROWS + i, &got), 2500);
        assert_true(slice_eq(got.names[0], SLICE("other")));
        assert_true(slice_is_empty(got.names[1]));
    }
    for (unsigned i = 0; i < 1000; i++) {
        struct tally_key key = key_of(100 + i, "late", "", "p");
        tally_cell *row = tally_row(t, &key);
        if (row)
            tally_add(row, 1);
    }
    assert_int_equal(tally_len(t), TALLY_ROWS + TALLY_SPARE);
    assert_int_equal(tally_lost(t), 1000 - (TALLY_SPARE - 2));
    tally_free(t);
}

/* An allocation that fails costs the name, not the figure. */
static void without_memory_names_are_other(void **state)
{
    struct tally *t = tally_new(2);
    struct tally_key key = key_of(0, "m", "", ""), got;

    (void)state;
    alloc_fail_at(1);
    tally_add(&tally_row(t, &key)[1], 1);
    assert_true(alloc_fail_hit());
    assert_int_equal(tally_len(t), 1);
    assert_int_equal(cell_of(t, 0, &got), 1);
    assert_true(slice_eq(got.names[0], SLICE("other")));
    tally_free(t);
    alloc_fail_at(1);
    assert_null(tally_new(2));
}

static void *write_rows(void *arg)
{
    char name[20];

    for (unsigned i = 0; i < 200000; i++) {
        snprintf(name, sizeof(name), "m%u", i % 300);
        struct tally_key key = key_of(0, name, "", "");
        tally_add(&tally_row(arg, &key)[0], 1);
    }
    return NULL;
}

/* For the thread sanitizer above all: rows that can be seen are whole. */
static void a_reader_sees_whole_rows(void **state)
{
    struct tally *t = tally_new(2);
    struct tally_key got;
    pthread_t writer;
    uint64_t sum = 0;

    (void)state;
    assert_int_equal(pthread_create(&writer, NULL, write_rows, t), 0);
    while (sum < 200000) {
        sum = 0;
        for (size_t i = 0, n = tally_len(t); i < n; i++) {
            sum += tally_get(tally_read(t, i, &got));
            assert_true(got.names[0].at[0] == 'm');
        }
    }
    assert_int_equal(sum, 200000);
    pthread_join(writer, NULL);
    tally_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_the_same_has_one_row),
        cmocka_unit_test(what_differs_in_anything_has_rows_of_its_own),
        cmocka_unit_test(a_long_name_is_cut),
        cmocka_unit_test(beyond_the_limit_names_are_other),
        cmocka_unit_test(without_memory_names_are_other),
        cmocka_unit_test(a_reader_sees_whole_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
