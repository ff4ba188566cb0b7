/* test_redis_url.c: where a Redis may be. */

#include "codec/redis_url.h"

#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

static struct redis_url parse(const char *text)
{
    const char *why = "unset";
    struct redis_url u;

    assert_int_equal(redis_url_parse(secret_of(slice_str(text)), &u, &why), OK);
    assert_null(why);
    return u;
}

static void assert_slice(struct slice s, const char *text)
{
    assert_int_equal(s.len, strlen(text));
    assert_memory_equal(s.at ? s.at : "", text, s.len);
}

static void a_host_is_enough(void **state)
{
    (void)state;
    struct redis_url u = parse("redis://cache");
    assert_slice(u.host, "cache");
    assert_int_equal(u.port, 6379);
    assert_int_equal(u.db, 0);
    assert_false(u.tls || u.has_user || u.has_password);

    u = parse("rediss://10.0.0.1:7000/12");
    assert_slice(u.host, "10.0.0.1");
    assert_int_equal(u.port, 7000);
    assert_int_equal(u.db, 12);
    assert_true(u.tls);

    u = parse("redis://[::1]:1/");
    assert_slice(u.host, "::1");
    assert_int_equal(u.port, 1);
}

static void users_and_passwords(void **state)
{
    char text[32];

    (void)state;
    struct redis_url u = parse("redis://:pass@h");
    assert_true(u.has_password && !u.has_user);
    assert_slice(secret_reveal(u.password), "pass");

    u = parse("redis://ann:a%3Ab%2fc:d@e/f@h:1/2");
    assert_true(u.has_password && u.has_user);
    assert_slice(u.user, "ann");
    assert_slice(slice_of(text, redis_url_decode(text, secret_reveal(u.password))), "a:b/c:d@e/f");
    assert_slice(u.host, "h");
    assert_int_equal(u.db, 2);

    u = parse("redis://:@h"); /* an empty password is one */
    assert_true(u.has_password);
}

static void what_is_wrong_is_told(void **state)
{
    static const char *const wrong[] = {
        "",
        "memory",
        "http://h",
        "REDIS://h",
        "redis:h",
        "redis://",
        "redis://:1",
        "redis:///1",
        "redis://h:",
        "redis://h:0",
        "redis://h:65536",
        "redis://h:12x",
        "redis://h/x",
        "redis://h/1/2",
        "redis://h/10000",
        "redis://h?db=1",
        "redis://ann@h",
        "redis://:a b@h",
        "redis://:a%4@h",
        "redis://:a%zz@h",
        "redis://:a\x01@h",
        "redis://h h",
        "redis://[::1",
        "redis://[h]",
        "redis://:p@",
    };
    struct redis_url u;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        const char *why = NULL;
        if (redis_url_parse(secret_of(slice_str(wrong[i])), &u, &why) != -EINVAL || !why)
            fail_msg("passed: %s", wrong[i]);
        assert_int_equal(redis_url_parse(secret_of(slice_str(wrong[i])), &u, NULL), -EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_is_enough),
        cmocka_unit_test(users_and_passwords),
        cmocka_unit_test(what_is_wrong_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
