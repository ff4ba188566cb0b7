/* test_arena.c: one lifetime, its limit and what it gives back. */

#include "base/arena.h"
#include "support/alloc_fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void allocations_are_aligned_and_apart(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    assert_int_equal(a.used, 0);
    unsigned char *at[400];
    for (size_t i = 0; i < ARRAY_LEN(at); i++) {
        at[i] = arena_alloc(&a, i);
        assert_non_null(at[i]);
        assert_int_equal((uintptr_t)at[i] % 16, 0);
        memset(at[i], (int)(i & 0xFF), i);
    }
    for (size_t i = 0; i < ARRAY_LEN(at); i++)
        for (size_t k = 0; k < i; k++)
            assert_int_equal(at[i][k], i & 0xFF);
    arena_clear(&a);
    assert_int_equal(a.used, 0);
    arena_clear(&a);
}

static void an_idle_arena_is_small(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    assert_non_null(arena_alloc(&a, 100));
    assert_true(a.used <= 2048);
    arena_clear(&a);
}

static void big_ones_leave_the_block_in_use(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    char *small = arena_alloc(&a, 16);
    char *big = arena_alloc(&a, 1 << 20);
    char *next = arena_alloc(&a, 16);
    assert_non_null(big);
    assert_ptr_equal(next, small + 16);
    memset(big, 1, 1 << 20);
    arena_clear(&a);

    big = arena_alloc(&a, 1 << 20); /* also as the first of all */
    assert_non_null(big);
    assert_non_null(arena_alloc(&a, 1 << 20));
    assert_non_null(arena_alloc(&a, 16));
    arena_clear(&a);
}

static void lent_memory_is_used_first_and_left_alone(void **state)
{
    (void)state;
    _Alignas(16) char lent[256];
    struct arena a;
    arena_init_with(&a, 100, lent, sizeof(lent));
    assert_ptr_equal(arena_alloc(&a, 200), lent);
    assert_int_equal(a.used, 0);
    char *big = arena_alloc(&a, 64); /* too big for the rest, not for the limit */
    assert_non_null(big);
    assert_true(big < lent || big >= lent + sizeof(lent));
    assert_ptr_equal(arena_alloc(&a, 16), lent + 208);
    arena_clear(&a);
    char *after = arena_alloc(&a, 16);
    assert_non_null(after);
    assert_true(after < lent || after >= lent + sizeof(lent));
    arena_clear(&a);
}

static void the_limit_holds_and_is_used_up(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 10000);
    assert_null(arena_alloc(&a, 20000));
    size_t got = 0;
    while (arena_alloc(&a, 64))
        got += 64;
    assert_true(a.used <= 10000);
    assert_true(got > 7000);
    arena_clear(&a);
    assert_int_equal(a.limit, 10000);
    assert_non_null(arena_alloc(&a, 9000));
    arena_clear(&a);
}

static void absurd_sizes_fail(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 15));
    assert_null(arena_new_array(&a, uint64_t, SIZE_MAX / 4));
    assert_non_null(arena_alloc(&a, 0));
    assert_null(arena_alloc(&a, SIZE_MAX));
    arena_clear(&a);
}

static void new_objects_are_zeroed(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    memset(arena_alloc(&a, 512), 0xFF, 512);
    uint64_t *n = arena_new_array(&a, uint64_t, 600);
    for (size_t i = 0; i < 600; i++)
        assert_int_equal(n[i], 0);
    assert_int_equal(*arena_new(&a, uint64_t), 0);
    arena_clear(&a);
}

static void copies_end_in_a_nul(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    assert_string_equal(arena_copy(&a, SLICE("abc")).at, "abc");
    assert_string_equal(arena_copy(&a, (struct slice){0}).at, "");
    struct slice s = arena_printf(&a, "%s-%d", "x", 42);
    assert_string_equal(s.at, "x-42");
    assert_int_equal(s.len, 4);
    assert_int_equal(arena_printf(&a, "%3000d", 1).len, 3000);
    arena_clear(&a);
}

static char order[8];

static void note(void *arg)
{
    strncat(order, arg, 1);
}

static void defers_run_newest_first_once(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    order[0] = '\0';
    assert_int_equal(arena_defer(&a, note, "1"), OK);
    assert_int_equal(arena_defer(&a, note, "2"), OK);
    char gone[] = "x";
    assert_int_equal(arena_defer(&a, note, gone), OK);
    assert_int_equal(arena_defer(&a, note, "3"), OK);
    arena_undefer(&a, note, gone);
    arena_undefer(&a, note, gone);
    arena_clear(&a);
    assert_string_equal(order, "321");
    arena_clear(&a);
    assert_string_equal(order, "321");
}

struct self {
    struct arena *arena;
    unsigned runs;
};

static void undefer_self_and_defer_another(void *arg)
{
    struct self *s = arg;

    arena_undefer(s->arena, undefer_self_and_defer_another, s);
    if (s->runs++ == 0)
        assert_int_equal(arena_defer(s->arena, undefer_self_and_defer_another, s), OK);
}

static void a_defer_may_defer_and_undefer(void **state)
{
    (void)state;
    struct arena a;
    struct self self = {&a, 0};
    arena_init(&a, 0);
    assert_int_equal(arena_defer(&a, undefer_self_and_defer_another, &self), OK);
    arena_clear(&a);
    assert_int_equal(self.runs, 2);
}

static bool fill(struct arena *a)
{
    return arena_alloc(a, 10) && arena_alloc(a, 5000) && arena_copy(a, SLICE("x")).at &&
           arena_alloc(a, 1900) && arena_printf(a, "%5000d", 1).at && arena_new(a, struct self) &&
           arena_defer(a, note, "f") == OK;
}

static void failing_allocations_are_told(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    for (unsigned n = 1;; n++) {
        alloc_fail_at(n);
        bool ok = fill(&a);
        bool hit = alloc_fail_hit();
        arena_clear(&a);
        assert_int_equal(ok, !hit);
        if (!hit)
            break;
    }
    alloc_fail_at(1);
    assert_int_equal(arena_defer(&a, note, "f"), -ENOMEM);
    assert_true(alloc_fail_hit());
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_aligned_and_apart),
        cmocka_unit_test(an_idle_arena_is_small),
        cmocka_unit_test(big_ones_leave_the_block_in_use),
        cmocka_unit_test(lent_memory_is_used_first_and_left_alone),
        cmocka_unit_test(the_limit_holds_and_is_used_up),
        cmocka_unit_test(absurd_sizes_fail),
        cmocka_unit_test(new_objects_are_zeroed),
        cmocka_unit_test(copies_end_in_a_nul),
        cmocka_unit_test(defers_run_newest_first_once),
        cmocka_unit_test(a_defer_may_defer_and_undefer),
        cmocka_unit_test(failing_allocations_are_told),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
