/* The fields that go with exported traces, as they are written in one setting. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/otlp_headers.h"
#include "support/alloc_fail.h"

#include <errno.h>

static struct arena a;
static struct headers got;

static int read_text(const char *text)
{
    arena_clear(&a);
    got = (struct headers){.at = NULL};
    return otlp_headers_read(secret_of(slice_str(text)), &a, &got);
}

static void assert_field(const char *name, const char *value)
{
    assert_true(slice_eq(headers_get(&got, slice_str(name)), slice_str(value)));
}

static void good_ones(void **state)
{
    (void)state;
    assert_int_equal(read_text("authorization=Basic%20YTpi=,x-scope-orgid=7"), OK);
    assert_int_equal(got.len, 2);
    assert_field("authorization", "Basic YTpi=");
    assert_field("x-scope-orgid", "7");
    assert_int_equal(read_text("a=1,,b=%2C%25,"), OK);
    assert_field("b", ",%");
    assert_int_equal(read_text("empty="), OK);
    assert_field("empty", "");
    assert_int_equal(read_text(""), OK);
    assert_int_equal(got.len, 0);
}

static void bad_ones(void **state)
{
    static const char *const texts[] = {
        "nonsense",
        "=x",
        "a b=x",
        "a=%",
        "a=%4",
        "a=%zz",
        "a=%0d%0a",
        "a:b=x",
        "a=1,b",
        "host=x",
        "Host=x",
        "a=%00",
        "a=%7f",
        "a=1,=2",
        "content-length=1",
        "Transfer-Encoding=chunked",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (read_text(texts[i]) != -EINVAL)
            fail_msg("%s was taken", texts[i]);
}

static void memory_that_fails_is_told(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        arena_clear(&a);
        alloc_fail_at(n);
        int rc = read_text("authorization=Basic%20YTpi,x-scope-orgid=7");
        if (!alloc_fail_hit()) {
            assert_int_equal(rc, OK);
            break;
        }
        assert_int_equal(rc, -ENOMEM);
    }
}

static int clear(void **state)
{
    (void)state;
    arena_clear(&a);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones),
        cmocka_unit_test(bad_ones),
        cmocka_unit_test(memory_that_fails_is_told),
    };

    arena_init(&a, 0);
    return cmocka_run_group_tests(tests, NULL, clear);
}
