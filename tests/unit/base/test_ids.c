/* test_ids.c: identifiers ascend, differ and survive being written down. */

#include "base/ids.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static int order(const struct record_id *a, const struct record_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static void the_layout_is_a_uuid_of_version_7(void **state)
{
    (void)state;
    struct record_id id = record_id_new(0x0123456789ABull * 1000 + 999);
    char text[RECORD_ID_TEXT];
    record_id_format(&id, text);
    assert_memory_equal(text, "01234567-89ab-7", 15);
    assert_non_null(memchr("89ab", text[19], 4));
    struct record_id back;
    assert_int_equal(record_id_parse(slice_of(text, sizeof(text)), &back), OK);
    assert_int_equal(order(&id, &back), 0);
}

static void ids_ascend_whatever_the_clock_does(void **state)
{
    (void)state;
    uint64_t us = 0x0200000000000ull * 1000;
    struct record_id last = record_id_new(us);
    for (unsigned i = 0; i < 200000; i++) {
        us = i % 1000 == 0 ? us + 1000 : i % 777 == 0 ? us - 5000 : us;
        struct record_id id = record_id_new(us);
        assert_true(order(&id, &last) > 0);
        last = id;
    }
}

static void *make_one(void *ret)
{
    *(struct record_id *)ret = record_id_new(5000);
    return NULL;
}

static void threads_make_different_ids(void **state)
{
    (void)state;
    struct record_id ids[8];
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_one, &ids[i]), 0);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < i; k++)
            assert_true(order(&ids[i], &ids[k]) != 0);
}

static void only_ids_are_parsed(void **state)
{
    (void)state;
    struct record_id id;
    struct slice good = SLICE("0198C0DE-1234-7abc-8def-0123456789ab");
    assert_int_equal(record_id_parse(good, &id), OK);
    for (size_t i = 0; i < good.len; i++) {
        char bad[RECORD_ID_TEXT];
        memcpy(bad, good.at, sizeof(bad));
        bad[i] = 'g';
        assert_int_equal(record_id_parse(slice_of(bad, sizeof(bad)), &id), -EINVAL);
        assert_int_equal(record_id_parse(slice_sub(good, 0, i), &id), -EINVAL);
    }
}

static void random_hex_fills_any_length(void **state)
{
    (void)state;
    char a[40], b[32];
    for (size_t n = 0; n < 39; n++) {
        memset(a, 'x', sizeof(a));
        ids_random_hex(a, n);
        for (size_t i = 0; i < sizeof(a); i++)
            assert_int_equal(memchr("0123456789abcdef", a[i], 16) != NULL, i < n);
    }
    ids_random_hex(b, TRACE_ID_TEXT);
    assert_memory_not_equal(a, b, TRACE_ID_TEXT);
}

static void secrets_differ(void **state)
{
    (void)state;
    unsigned char a[1000], b[1000];
    assert_int_equal(ids_secret_bytes(a, sizeof(a)), OK);
    assert_int_equal(ids_secret_bytes(b, sizeof(b)), OK);
    assert_memory_not_equal(a, b, sizeof(a));
    assert_int_equal(ids_secret_bytes(NULL, 0), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_layout_is_a_uuid_of_version_7),
        cmocka_unit_test(ids_ascend_whatever_the_clock_does),
        cmocka_unit_test(threads_make_different_ids),
        cmocka_unit_test(only_ids_are_parsed),
        cmocka_unit_test(random_hex_fills_any_length),
        cmocka_unit_test(secrets_differ),
    };
    return cmocka_run_group_tests_name("ids", tests, NULL, NULL);
}
