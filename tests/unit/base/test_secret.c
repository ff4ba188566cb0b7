/* test_secret.c: secrets are wiped. */

#include "base/secret.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void wiping_leaves_zeros(void **state)
{
    (void)state;
    char text[] = "sk-123";
    struct secret s = secret_of(slice_str(text));
    assert_false(secret_is_empty(s));
    assert_true(slice_eq(secret_reveal(s), SLICE("sk-123")));
    secret_wipe(text, sizeof(text));
    for (size_t i = 0; i < sizeof(text); i++)
        assert_int_equal(text[i], 0);
    secret_wipe(NULL, 0);
    assert_true(secret_is_empty(secret_of((struct slice){0})));
}

static void what_others_repeat_is_blotted_out(void **state)
{
    (void)state;
    char text[] = "key-1234, key-123, key-1234key-1234";
    struct slice all = slice_of(text, sizeof(text) - 1);
    secret_blot(secret_of(SLICE("key-1234")), all);
    assert_string_equal(text, "********, key-123, ****************");
    secret_blot(secret_of(SLICE("key")), all); /* too short to be one */
    secret_blot(secret_of((struct slice){0}), all);
    secret_blot(secret_of(SLICE("key-1234")), (struct slice){0});
    assert_string_equal(text, "********, key-123, ****************");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(wiping_leaves_zeros),
                                       cmocka_unit_test(what_others_repeat_is_blotted_out)};
    return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
