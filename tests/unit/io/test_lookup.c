/* test_lookup.c: names that are hosts, names that are none, and a resolver that says nothing. */

#include "io/lookup.h"

#include "support/fake_resolver.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

enum { PLENTY_MS = 60000 };

static void a_host_has_addresses(void **state)
{
    struct lookup found;

    (void)state;
    assert_int_equal(lookup_host("server.test", PLENTY_MS, &found), OK);
    assert_int_equal(found.len, 1);
    assert_string_equal(found.addresses[0], "127.0.0.1");
    assert_int_equal(lookup_host("::1", PLENTY_MS, &found), OK);
    assert_string_equal(found.addresses[0], "::1");
}

static void what_is_no_host_is_told(void **state)
{
    struct lookup found;
    static char large[400];

    (void)state;
    memset(large, 'a', sizeof(large) - 1);
    assert_int_equal(lookup_host("nowhere.test", PLENTY_MS, &found), -EHOSTUNREACH);
    assert_int_equal(found.len, 0);
    assert_int_equal(lookup_host("", PLENTY_MS, &found), -EHOSTUNREACH);
    assert_int_equal(lookup_host(large, PLENTY_MS, &found), -EHOSTUNREACH);
}

/* Who waits is free when time is over; of threads that are left behind there are not many. */
static void a_silent_resolver_holds_nobody(void **state)
{
    struct lookup found;
    int rc;

    (void)state;
    for (unsigned i = 0; i < LOOKUP_ASKING_MOST; i++)
        assert_int_equal(lookup_host("silent.test", 1, &found), -ETIMEDOUT);
    assert_int_equal(lookup_host("silent.test", PLENTY_MS, &found), -EAGAIN);
    assert_int_equal(lookup_host("server.test", PLENTY_MS, &found), -EAGAIN);
    resolver_speak(true);
    while ((rc = lookup_host("server.test", PLENTY_MS, &found)) == -EAGAIN)
        sched_yield();
    assert_int_equal(rc, OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_has_addresses),
        cmocka_unit_test(what_is_no_host_is_told),
        cmocka_unit_test(a_silent_resolver_holds_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
