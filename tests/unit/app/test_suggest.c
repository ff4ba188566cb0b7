/* "did you mean …?" */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/suggest.h"

static const char *const words[] = {"timeouts", "limits", "limiter", "log", "listen", NULL};

static void expect(const char *typed, const char *meant)
{
    const char *found = suggest(slice_str(typed), words);

    if (meant)
        assert_string_equal(found, meant);
    else
        assert_null(found);
}

static void test_slips_of_the_fingers(void **state)
{
    (void)state;
    expect("timeout", "timeouts");
    expect("tiemouts", "timeouts");
    expect("limit", "limits");
    expect("lisen", "listen");
    expect("lgo", "log");
    expect("logg", "log");
    expect("log", "log");
}

static void test_other_words(void **state)
{
    (void)state;
    expect("", NULL);
    expect("database", NULL);
    expect("xx", NULL);
    expect("foo", NULL);
    expect("a word that is much longer than any that could be meant here", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slips_of_the_fingers),
        cmocka_unit_test(test_other_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
