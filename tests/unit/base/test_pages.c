/* test_pages.c: what is taken and given, and when memory goes back. */

#include "base/pages.h"
#include "support/alloc_fail.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

enum { MANY = 2000 };

static void *taken[MANY];

static void take_all(struct pages *p)
{
    for (size_t i = 0; i < MANY; i++) {
        taken[i] = pages_take(p);
        assert_non_null(taken[i]);
        memset(taken[i], (int)(i & 0xff), p->size);
    }
}

static void give_all(struct pages *p)
{
    for (size_t i = 0; i < MANY; i++)
        pages_give(p, taken[i]);
}

static bool is_resident(struct pages *p, void *page)
{
    unsigned char there;

    assert_int_equal(mincore(page, p->size, &there), 0);
    return there & 1;
}

static void pages_are_apart_and_aligned(void **state)
{
    struct pages p;

    (void)state;
    pages_init(&p);
    take_all(&p);
    for (size_t i = 0; i < MANY; i++) {
        const unsigned char *at = taken[i];
        assert_int_equal((uintptr_t)at % p.size, 0);
        assert_int_equal(at[0], i & 0xff);
        assert_int_equal(at[p.size - 1], i & 0xff);
    }
    give_all(&p);
    pages_free(&p);
}

static void the_last_given_is_taken_first(void **state)
{
    struct pages p;

    (void)state;
    pages_init(&p);
    void *first = pages_take(&p), *second = pages_take(&p);
    pages_give(&p, first);
    pages_give(&p, second);
    assert_ptr_equal(pages_take(&p), second);
    assert_ptr_equal(pages_take(&p), first);
    pages_give(&p, first);
    pages_give(&p, second);
    pages_free(&p);
}

static void idle_pages_go_back_to_the_system(void **state)
{
    struct pages p;
    size_t resident = 0;

    (void)state;
    pages_init(&p);
    take_all(&p);
    give_all(&p);
    for (size_t i = 0; i < MANY; i++)
        resident += is_resident(&p, taken[i]);
    assert_true(resident > 0 && resident < MANY / 4);
    assert_true(is_resident(&p, taken[MANY - 1])); /* the newest is warm */

    take_all(&p); /* as good as new */
    give_all(&p);
    pages_free(&p);
}

static void without_memory_there_is_no_page(void **state)
{
    struct pages p;

    (void)state;
    pages_init(&p);
    for (unsigned n = 1;; n++) {
        alloc_fail_at(n);
        void *page = pages_take(&p);
        if (!alloc_fail_hit()) {
            assert_non_null(page);
            pages_give(&p, page);
            break;
        }
        assert_null(page);
    }
    alloc_fail_at(0);
    pages_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_apart_and_aligned),
        cmocka_unit_test(the_last_given_is_taken_first),
        cmocka_unit_test(idle_pages_go_back_to_the_system),
        cmocka_unit_test(without_memory_there_is_no_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
