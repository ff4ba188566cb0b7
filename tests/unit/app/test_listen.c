/* The parts of `listen`. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/listen.h"

static void test_parts(void **state)
{
    static const struct {
        const char *listen, *host, *here, *port;
    } cases[] = {
        {"127.0.0.1:8080", "127.0.0.1", "127.0.0.1", "8080"},
        {"10.1.2.3:80",    "10.1.2.3",  "10.1.2.3",  "80"  },
        {":8080",          "",          "127.0.0.1", "8080"},
        {"0.0.0.0:1",      "0.0.0.0",   "127.0.0.1", "1"   },
        {"[::]:8080",      "[::]",      "127.0.0.1", "8080"},
        {"[::1]:8080",     "[::1]",     "[::1]",     "8080"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice listen = slice_str(cases[i].listen);
        assert_true(slice_eq(listen_host(listen), slice_str(cases[i].host)));
        assert_true(slice_eq(listen_host_here(listen), slice_str(cases[i].here)));
        assert_true(slice_eq(listen_port(listen), slice_str(cases[i].port)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parts)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
