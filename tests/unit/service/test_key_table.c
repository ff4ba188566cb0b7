/* test_key_table.c: a table that was changed step by step is the one made anew; what did not change
 * is shared; what is held stays. */

#include "service/key_table.h"

#include "service/key_gathering.h"

#include "support/alloc_fail.h"

#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { KEYS = 1500, TEXT = 24, STEPS = 60, MOST_AT_ONCE = 40 };

/* What the table should hold, and room for the rows' texts. */
struct world {
    struct key_row rows[KEYS];
    char names[KEYS][TEXT];
    bool there[KEYS];
    uint64_t random;
};

static uint64_t draw(struct world *w, uint64_t below)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (w->random >> 33) % below;
}

/* Hashes that crowd in few shards and places, so that probes run into each other. */
static void make_hash(unsigned n, unsigned char ret[KEY_HASH_LEN])
{
    memset(ret, 0, KEY_HASH_LEN);
    ret[0] = (unsigned char)(n % 7);
    ret[1] = (unsigned char)(n % 3 * 16);
    ret[8] = (unsigned char)(n / 21 % 5);
    ret[30] = (unsigned char)(n >> 8);
    ret[31] = (unsigned char)n;
}

static void change_row(struct world *w, unsigned n)
{
    static const char *const users[] = {"ann", "bob", "", "a user with a long name"};
    static const char *const models[] = {"", "gpt-4o", "gpt-4o,claude-sonnet", " , "};
    struct key_row *row = &w->rows[n];

    snprintf(w->names[n], TEXT, "key-%llu", (unsigned long long)draw(w, 50));
    *row = (struct key_row){.id = n + 1,
                            .user_id = (int64_t)draw(w, 4),
                            .name = slice_str(w->names[n]),
                            .models = slice_str(models[draw(w, 4)]),
                            .model_limits = draw(w, 3) ? SLICE("") : SLICE("60/0/1/gpt-4o"),
                            .admin = draw(w, 2),
                            .revoked = draw(w, 3) == 0,
                            .rpm = draw(w, 100),
                            .tpm = draw(w, 100),
                            .concurrency = draw(w, 100),
                            .expires_wall_us = draw(w, 100)};
    row->user_name = slice_str(users[row->user_id]);
    make_hash(n, row->hash);
    w->there[n] = true;
}

static void check_principal(const struct principal *p, const struct key_row *row)
{
    assert_int_equal(p->key_id, row->id);
    assert_int_equal(p->user_id, row->user_id);
    assert_true(slice_eq(p->key_name, row->name));
    assert_true(slice_eq(p->user_name, row->user_name));
    assert_true(slice_eq(p->models, row->models));
    assert_true(slice_eq(p->model_limits, row->model_limits));
    assert_int_equal(p->admin, row->admin);
    assert_int_equal(p->rpm, row->rpm);
    assert_int_equal(p->tpm, row->tpm);
    assert_int_equal(p->concurrency, row->concurrency);
    assert_int_equal(p->expires_wall_us, row->expires_wall_us);
}

static void check_table(const struct world *w, const struct key_table *t)
{
    struct key_place at = {0};
    const unsigned char *hash;
    const struct principal *p;
    size_t active = 0, seen = 0;

    for (unsigned i = 0; i < KEYS; i++) {
        unsigned char wanted[KEY_HASH_LEN];
        make_hash(i, wanted);
        p = key_table_find(t, wanted);
        assert_true((p != NULL) == (w->there[i] && !w->rows[i].revoked));
        if (p)
            check_principal(p, &w->rows[i]);
        active += p != NULL;
    }
    assert_int_equal(key_table_len(t), active);
    while ((p = key_table_next(t, &at, &hash))) {
        assert_ptr_equal(key_table_find(t, hash), p);
        seen++;
    }
    assert_int_equal(seen, active);
}

static struct key_gathering *gather(const struct key_row *rows, size_t n)
{
    struct key_gathering *g = key_gathering_new();

    for (size_t i = 0; g && i < n; i++)
        if (key_gathering_add(g, &rows[i]) < 0) {
            key_gathering_free(g);
            g = NULL;
        }
    return g;
}

/* old but for these rows. */
static int change_table(const struct key_table *old, const struct key_row *rows, size_t n,
                        struct key_table **ret)
{
    struct key_gathering *g = gather(rows, n);

    *ret = NULL;
    int rc = g ? key_table_change(old, g, ret) : -ENOMEM;
    key_gathering_free(g);
    return rc;
}

/* These rows and no more. */
static int replace_table(const struct key_table *old, const struct key_row *rows, size_t n,
                         struct key_table **ret)
{
    struct key_gathering *g = gather(rows, n);

    assert_non_null(g);
    int rc = key_table_replace(old, g, ret);
    key_gathering_free(g);
    return rc;
}

static void a_changed_table_is_the_one_made_anew(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct key_table *t, *changed;

    (void)state;
    w->random = 1;
    assert_int_equal(key_table_new(NULL, 0, &t), OK);
    for (int step = 0; step < STEPS; step++) {
        struct key_row rows[MOST_AT_ONCE];
        size_t n = draw(w, MOST_AT_ONCE);
        for (size_t i = 0; i < n; i++) {
            unsigned key = (unsigned)draw(w, KEYS);
            change_row(w, key);
            rows[i] = w->rows[key];
            for (size_t j = 0; j < i; j++) /* its text has changed; the later row holds */
                if (rows[j].id == rows[i].id)
                    rows[j].name = rows[i].name;
        }
        assert_int_equal(change_table(t, rows, n, &changed), OK);
        key_table_free(t);
        t = changed;
        check_table(w, t);
    }
    assert_true(key_table_len(t) > 300);
    for (unsigned i = 0; i < KEYS; i++)
        w->rows[i].revoked = true;
    assert_int_equal(change_table(t, w->rows, KEYS, &changed), OK);
    assert_int_equal(key_table_len(changed), 0);
    key_table_free(changed);
    key_table_free(t);
    free(w);
}

static struct key_table *make_table(struct world *w)
{
    struct key_table *t;

    w->random = 7;
    for (unsigned i = 0; i < KEYS; i++)
        change_row(w, i);
    assert_int_equal(key_table_new(w->rows, KEYS, &t), OK);
    check_table(w, t);
    return t;
}

static const struct principal *nth(const struct key_table *t, unsigned n)
{
    unsigned char hash[KEY_HASH_LEN];

    make_hash(n, hash);
    return key_table_find(t, hash);
}

/* A principal lies where it lay when its shard is shared. */
static void shards_without_a_change_are_shared(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct key_table *t = make_table(w), *changed;
    const struct principal *mine, *theirs, *gone;
    unsigned first = 0;

    (void)state;
    while (w->rows[first].revoked)
        first++;
    unsigned other = first + 1; /* of another shard: n % 7 and n % 3 differ */
    while (w->rows[other].revoked || other % 7 == first % 7 || other % 3 == first % 3)
        other++;
    gone = nth(t, first);
    theirs = nth(t, other);
    w->rows[first].revoked = true;
    assert_int_equal(change_table(t, &w->rows[first], 1, &changed), OK);
    assert_null(nth(changed, first));
    assert_ptr_equal(nth(changed, other), theirs);
    assert_ptr_equal(nth(t, first), gone); /* who holds the old table sees no change */
    assert_int_equal(gone->key_id, first + 1);
    key_table_free(t);

    mine = nth(changed, other);
    check_principal(mine, &w->rows[other]);
    check_table(w, changed);
    key_table_free(changed);
    free(w);
}

/* All keys again: only the shards in which something differs are made anew. */
static void a_whole_load_shares_what_is_the_same(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct key_table *t = make_table(w), *changed;
    unsigned first = 0;

    (void)state;
    while (w->rows[first].revoked)
        first++;
    unsigned other = first + 1;
    while (w->rows[other].revoked || other % 7 == first % 7 || other % 3 == first % 3)
        other++;
    assert_int_equal(replace_table(t, w->rows, KEYS, &changed), OK);
    for (unsigned i = 0; i < KEYS; i++)
        assert_ptr_equal(nth(changed, i), nth(t, i));
    key_table_free(changed);

    w->rows[first].rpm++;
    assert_int_equal(replace_table(t, w->rows, KEYS, &changed), OK);
    assert_ptr_not_equal(nth(changed, first), nth(t, first));
    assert_ptr_equal(nth(changed, other), nth(t, other));
    check_table(w, changed);
    key_table_free(changed);

    w->rows[first].rpm--;
    struct key_row gone = w->rows[first];
    w->rows[first] = w->rows[KEYS - 1]; /* it leaves no row */
    assert_int_equal(replace_table(t, w->rows, KEYS - 1, &changed), OK);
    assert_null(nth(changed, first));
    assert_ptr_equal(nth(changed, other), nth(t, other));
    key_table_free(changed);
    w->rows[first] = gone;

    assert_int_equal(replace_table(t, NULL, 0, &changed), OK);
    assert_int_equal(key_table_len(changed), 0);
    key_table_free(changed);
    key_table_free(t);
    free(w);
}

static void out_of_memory_leaves_the_old_table(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct key_table *t = make_table(w);
    size_t len = key_table_len(t);

    (void)state;
    for (unsigned i = 0; i < KEYS; i += 100)
        w->rows[i].revoked = !w->rows[i].revoked;
    for (unsigned n = 1;; n++) {
        struct key_table *changed;
        alloc_fail_at(n);
        int rc = change_table(t, w->rows, KEYS, &changed);
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        assert_int_equal(rc, hit ? -ENOMEM : OK);
        assert_true(hit == (changed == NULL));
        assert_int_equal(key_table_len(t), len);
        if (!hit)
            check_table(w, changed);
        key_table_free(changed);
        if (!hit)
            break;
    }
    key_table_free(t);
    key_table_free(NULL);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_table_is_the_one_made_anew),
        cmocka_unit_test(shards_without_a_change_are_shared),
        cmocka_unit_test(a_whole_load_shares_what_is_the_same),
        cmocka_unit_test(out_of_memory_leaves_the_old_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
