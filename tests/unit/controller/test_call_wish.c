/* test_call_wish.c: what the field cache-control says, and a call without an identity. */

#include "controller/call_wish.h"

#include "service/cache.h"
#include "web/exchange.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static int wish(const char *const *fields, size_t n, const char *body, struct cache_wish *ret)
{
    struct header headers[4];
    struct server_request request = {
        .headers = {headers, n, n}
    };
    struct call call = {.kind = CALL_CHAT, .body = slice_str(body)};
    struct arena arena;

    arena_init(&arena, 0);
    for (size_t i = 0; i < n; i++)
        headers[i] = (struct header){SLICE("Cache-Control"), slice_str(fields[i])};
    struct exchange x = {.request = &request, .early = &arena, .call = &call};
    int rc = call_wish(&x, ret);
    assert_true(rc < 0 || ret->identity.len > 0 || (!ret->look && !ret->keep));
    arena_clear(&arena);
    return rc;
}

static void the_field_says_what_may_be_done(void **state)
{
    static const struct {
        const char *fields[2];
        bool look, keep;
    } cases[] = {
        {{"max-age=60"},              true,  true },
        {{""},                        true,  true },
        {{"no-cache"},                false, true },
        {{"NO-CACHE"},                false, true },
        {{"max-age=0 ,  no-cache,x"}, false, true },
        {{"no-store"},                false, false},
        {{"no-cache, no-store"},      false, false},
        {{"max-age=0", "no-store"},   false, false},
        {{"no-cache", "x"},           false, true },
        {{"no-cachet"},               true,  true },
        {{"x=no-cache"},              true,  true },
        {{",,,"},                     true,  true },
    };
    struct cache_wish got;

    (void)state;
    assert_int_equal(wish(NULL, 0, "{}", &got), OK);
    assert_true(got.look && got.keep);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(wish(cases[i].fields, cases[i].fields[1] ? 2 : 1, "{}", &got), OK);
        if (got.look != cases[i].look || got.keep != cases[i].keep)
            fail_msg("%s", cases[i].fields[0]);
    }
}

static void a_call_without_an_identity(void **state)
{
    struct cache_wish got;

    (void)state;
    assert_int_equal(wish(NULL, 0, "{\"store\":true}", &got), -ENOTSUP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_field_says_what_may_be_done),
        cmocka_unit_test(a_call_without_an_identity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
