/* test_list.c: moving objects between lists. */

#include "base/list.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

struct item {
    int number;
    struct list link;
};

static int digits(struct list *head)
{
    int n = 0;

    list_for_each(it, head) n = n * 10 + list_entry(it, struct item, link)->number;
    return n;
}

static void adding_and_removing(void **state)
{
    (void)state;
    struct list head;
    struct item a = {.number = 1}, b = {.number = 2}, c = {.number = 3};
    list_init(&head);
    assert_true(list_is_empty(&head));
    list_add_tail(&head, &b.link);
    list_add_tail(&head, &c.link);
    list_add(&head, &a.link);
    assert_int_equal(digits(&head), 123);
    list_remove(&b.link);
    list_remove(&b.link);
    assert_int_equal(digits(&head), 13);
    list_for_each_safe(it, &head) list_remove(it);
    assert_true(list_is_empty(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(adding_and_removing)};
    return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
