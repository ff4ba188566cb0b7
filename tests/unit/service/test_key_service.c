/* test_key_service.c: whose key is this, from a table of rows. */

#include "service/key_service.h"

#include "io/crypto.h"
#include "service/snapshot.h"

#include "support/alloc_fail.h"

#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { KEYS = 500 };

static const uint64_t now = 1769860800000000;

struct fixture {
    unsigned char hash_key[KEY_HASH_LEN];
    struct key_service *service;
    struct key_row rows[KEYS];
    struct snapshot snapshot;
};

static struct slice token_of(unsigned n, char text[64])
{
    int len = snprintf(text, 64, "sk-cr-%043u", n);

    return slice_of(text, (size_t)len);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct key_table *table;
    char text[64];

    assert_int_equal(key_service_derive(secret_of(SLICE("the secret")), f->hash_key), OK);
    struct secret key = secret_of(slice_of((const char *)f->hash_key, KEY_HASH_LEN));
    struct hmac *hmac = hmac_new(key);
    for (unsigned i = 0; i < KEYS; i++) {
        f->rows[i] = (struct key_row){.id = i + 1,
                                      .user_id = 7,
                                      .user_name = SLICE("alice"),
                                      .name = SLICE("laptop"),
                                      .rpm = i};
        assert_int_equal(hmac_sign(hmac, token_of(i, text), f->rows[i].hash), OK);
    }
    hmac_free(hmac);
    f->rows[1].revoked = true;
    f->rows[2].expires_wall_us = now;
    f->rows[3].expires_wall_us = now + 1;
    f->rows[4].models = SLICE("gpt-4o, claude-sonnet,,qwen ");
    f->rows[5].models = SLICE(" , ");
    f->rows[6].admin = true;
    assert_int_equal(key_table_new(f->rows, KEYS, &table), OK);
    f->snapshot.keys = table;
    f->service = key_service_new(key);
    assert_non_null(f->service);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    key_service_free(f->service);
    key_table_free((struct key_table *)(uintptr_t)f->snapshot.keys);
    free(f);
    return 0;
}

static const struct principal *find(struct fixture *f, struct slice token)
{
    const struct principal *p;
    int rc = key_service_find(f->service, &f->snapshot, token, now, &p);

    assert_int_equal(rc, p ? OK : -ENOENT);
    return p;
}

static const struct principal *find_nth(struct fixture *f, unsigned n)
{
    char text[64];

    return find(f, token_of(n, text));
}

static void every_good_key_is_found(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(key_table_len(f->snapshot.keys), KEYS - 1);
    for (unsigned i = 7; i < KEYS; i++) {
        const struct principal *p = find_nth(f, i);
        assert_non_null(p);
        assert_int_equal(p->key_id, i + 1);
        assert_int_equal(p->user_id, 7);
        assert_int_equal(p->rpm, i);
        assert_true(slice_eq(p->user_name, SLICE("alice")));
        assert_true(slice_eq(p->key_name, SLICE("laptop")));
        assert_false(p->admin);
        assert_true(principal_may_use(p, SLICE("anything")));
    }
    assert_true(find_nth(f, 6)->admin);
}

static void revoked_expired_and_unknown_are_not(void **state)
{
    struct fixture *f = *state;
    static char huge[100000];

    assert_null(find_nth(f, 1));
    assert_null(find_nth(f, 2)); /* the moment itself is too late */
    assert_non_null(find_nth(f, 3));
    assert_null(find_nth(f, KEYS));
    assert_null(find(f, SLICE("sk-cr-")));
    assert_null(find(f, SLICE("x")));
    assert_null(find(f, (struct slice){0}));
    memset(huge, 'a', sizeof(huge));
    assert_null(find(f, slice_of(huge, sizeof(huge))));
    assert_null(find(f, slice_of((const char *)f->rows[8].hash, 32)));
}

static void a_list_of_models_allows_only_them(void **state)
{
    struct fixture *f = *state;
    const struct principal *p = find_nth(f, 4);

    assert_true(principal_may_use(p, SLICE("gpt-4o")));
    assert_true(principal_may_use(p, SLICE("claude-sonnet")));
    assert_true(principal_may_use(p, SLICE("qwen")));
    assert_false(principal_may_use(p, SLICE("gpt-4")));
    p = find_nth(f, 5);
    assert_false(principal_may_use(p, SLICE("gpt-4o")));
    assert_false(principal_may_use(p, SLICE(",")));
}

static void another_secret_finds_nothing(void **state)
{
    struct fixture *f = *state;
    unsigned char other[KEY_HASH_LEN];
    const struct principal *p;
    char text[64];

    assert_int_equal(key_service_derive(secret_of(SLICE("another")), other), OK);
    struct key_service *s =
        key_service_new(secret_of(slice_of((const char *)other, sizeof(other))));
    assert_int_equal(key_service_find(s, &f->snapshot, token_of(9, text), now, &p), -ENOENT);
    key_service_free(s);
}

static void a_table_of_none_knows_nobody(void **state)
{
    struct fixture *f = *state;
    struct snapshot snapshot = {0};
    struct key_table *table;
    const struct principal *p;
    char text[64];

    assert_int_equal(key_table_new(NULL, 0, &table), OK);
    snapshot.keys = table;
    assert_int_equal(key_table_len(table), 0);
    assert_int_equal(key_service_find(f->service, &snapshot, token_of(9, text), now, &p), -ENOENT);
    key_table_free(table);
}

static void out_of_memory_is_told(void **state)
{
    struct fixture *f = *state;

    for (unsigned n = 1;; n++) {
        struct key_table *table;
        alloc_fail_at(n);
        int rc = key_table_new(f->rows, KEYS, &table);
        bool hit = alloc_fail_hit();
        assert_int_equal(rc, hit ? -ENOMEM : OK);
        assert_true(hit == (table == NULL));
        key_table_free(table);
        if (!hit)
            break;
    }
    alloc_fail_at(1);
    assert_null(key_service_new(secret_of(SLICE("k"))));
    assert_true(alloc_fail_hit());
    key_service_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_good_key_is_found),           TEST(revoked_expired_and_unknown_are_not),
        TEST(a_list_of_models_allows_only_them), TEST(another_secret_finds_nothing),
        TEST(a_table_of_none_knows_nobody),      TEST(out_of_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
