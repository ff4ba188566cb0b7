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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(wiping_leaves_zeros)};
    return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
