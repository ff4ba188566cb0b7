/* test_map.c: names to pointers. */

#include "base/map.h"
#include "support/alloc_fail.h"

#include <errno.h>
#include <stdio.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void put_get_replace(void **state)
{
    (void)state;
    struct map m;
    int a, b;
    map_init(&m);
    assert_null(map_get(&m, SLICE("x")));
    assert_null(map_get_hashed(&m, SLICE("x"), 1));
    assert_int_equal(map_put(&m, SLICE("x"), &a), OK);
    assert_int_equal(map_put(&m, SLICE(""), &b), OK);
    assert_ptr_equal(map_get(&m, SLICE("x")), &a);
    assert_ptr_equal(map_get(&m, (struct slice){0}), &b);
    assert_int_equal(map_put(&m, SLICE("x"), &b), OK);
    assert_ptr_equal(map_get_hashed(&m, SLICE("x"), slice_hash(SLICE("x"))), &b);
    assert_int_equal(m.len, 2);
    assert_null(map_get(&m, SLICE("y")));
    map_free(&m);
    assert_null(map_get(&m, SLICE("x")));
}

static void many_names_are_kept_and_walked(void **state)
{
    (void)state;
    enum { N = 5000 };
    static char names[N][8];
    struct map m;
    map_init(&m);
    for (int i = 0; i < N; i++) {
        snprintf(names[i], sizeof(names[i]), "n%d", i);
        assert_int_equal(map_put(&m, slice_str(names[i]), names[i]), OK);
    }
    for (int i = 0; i < N; i++)
        assert_ptr_equal(map_get(&m, slice_str(names[i])), names[i]);
    size_t at = 0, seen = 0;
    for (struct map_entry *e; (e = map_next(&m, &at)); seen++)
        assert_true(slice_eq(e->key, slice_str(e->value)));
    assert_int_equal(seen, N);
    map_free(&m);
}

static void a_failed_growth_changes_nothing(void **state)
{
    (void)state;
    struct map m;
    char names[100][4];
    map_init(&m);
    alloc_fail_at(1);
    assert_int_equal(map_put(&m, SLICE("x"), &m), -ENOMEM);
    assert_true(alloc_fail_hit());
    for (int i = 0; i < 100; i++) {
        snprintf(names[i], sizeof(names[i]), "%d", i);
        alloc_fail_at(1);
        int rc = map_put(&m, slice_str(names[i]), &m);
        if (alloc_fail_hit()) {
            assert_int_equal(rc, -ENOMEM);
            assert_null(map_get(&m, slice_str(names[i])));
            assert_int_equal(map_put(&m, slice_str(names[i]), &m), OK);
        }
        assert_int_equal(m.len, i + 1);
    }
    map_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_get_replace),
        cmocka_unit_test(many_names_are_kept_and_walked),
        cmocka_unit_test(a_failed_growth_changes_nothing),
    };
    return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
