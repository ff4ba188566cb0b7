/* test_query.c: the parameters behind a path, read strictly. */

#include "web/query.h"

#include "http/server.h"

#include "support/alloc_fail.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static const char *const words[] = {"hot", "cold", NULL};
static const struct query_field fields[] = {
    {"name",  QUERY_TEXT, NULL},
    {"count",   QUERY_NUMBER, NULL},
    {"tap", QUERY_WORD, words},
    {0  },
};

static struct {
    struct server_request request;
    struct exchange x;
    struct arena arena;
    struct slice values[3];
    struct fault fault;
} rig;

static bool read(struct slice query)
{
    arena_clear(&rig.arena);
    arena_init(&rig.arena, 0);
    rig.x.request = &rig.request;
    rig.request.query = query;
    rig.fault = (struct fault){.kind = FAULT_NONE};
    return query_read(&rig.x, fields, &rig.arena, rig.values, &rig.fault);
}

static int clear(void **state)
{
    (void)state;
    arena_clear(&rig.arena);
    return 0;
}

static void values_are_decoded(void **state)
{
    (void)state;
    assert_true(read(SLICE("tap=cold&name=a+b%26c&&count=12")));
    assert_true(slice_eq(rig.values[0], SLICE("a b&c")));
    assert_true(slice_eq(rig.values[1], SLICE("12")));
    assert_true(slice_eq(rig.values[2], SLICE("cold")));
    assert_true(read(SLICE("")));
    assert_int_equal(rig.values[0].len + rig.values[1].len + rig.values[2].len, 0);
    assert_true(read(SLICE("name=&count=")));
    assert_int_equal(rig.values[1].len, 0);
}

static void names_are_decoded_as_values_are(void **state)
{
    (void)state;
    assert_true(read(SLICE("%63ou%6et=12&t%61p=cold")));
    assert_true(slice_eq(rig.values[1], SLICE("12")));
    assert_true(slice_eq(rig.values[2], SLICE("cold")));
    assert_false(read(SLICE("%63ount=1&count=1")));
    assert_int_equal(rig.fault.kind, FAULT_DUPLICATE_MEMBER);
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        struct slice query, param;
        enum fault_kind kind;
    } cases[] = {
        {SLICE_INIT("nam=1"),         SLICE_INIT("nam"),   FAULT_UNKNOWN_MEMBER  },
        {SLICE_INIT("name=a&name=b"), SLICE_INIT("name"),  FAULT_DUPLICATE_MEMBER},
        {SLICE_INIT("name=%ff"),      SLICE_INIT("name"),  FAULT_INVALID_VALUE   },
        {SLICE_INIT("name=%00"),      SLICE_INIT("name"),  FAULT_INVALID_VALUE   },
        {SLICE_INIT("name=%4"),       SLICE_INIT(""),      FAULT_INVALID_VALUE   },
        {SLICE_INIT("count=0"),       SLICE_INIT("count"), FAULT_INVALID_VALUE   },
        {SLICE_INIT("count=-1"),      SLICE_INIT("count"), FAULT_INVALID_VALUE   },
        {SLICE_INIT("tap=warm"),      SLICE_INIT("tap"),   FAULT_INVALID_VALUE   },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_false(read(cases[i].query));
        assert_int_equal(rig.fault.kind, cases[i].kind);
        assert_true(slice_eq(rig.fault.param, cases[i].param));
    }
}

static void others_are_passed_over_where_they_may_be_there(void **state)
{
    (void)state;
    assert_false(read(SLICE("x=1&name=a&y=2&count=3&z")));
    assert_true(query_read_known(&rig.x, fields, &rig.arena, rig.values, &rig.fault));
    assert_true(slice_eq(rig.values[0], SLICE("a")));
    assert_true(slice_eq(rig.values[1], SLICE("3")));
    assert_false(read(SLICE("x=1&count=a")));
    assert_false(query_read_known(&rig.x, fields, &rig.arena, rig.values, &rig.fault));
    assert_true(slice_eq(rig.fault.param, SLICE("count")));
}

static void a_limit_has_its_most(void **state)
{
    uint64_t limit = 7;

    (void)state;
    assert_true(read(SLICE("")));
    assert_true(query_limit(SLICE(""), 10, &rig.arena, &limit, &rig.fault));
    assert_int_equal(limit, 7);
    assert_true(query_limit(SLICE("10"), 10, &rig.arena, &limit, &rig.fault));
    assert_int_equal(limit, 10);
    for (const char *const *bad = (const char *const[]){"0", "11", "-1", "1.0", NULL}; *bad; bad++)
        assert_false(query_limit(slice_str(*bad), 10, &rig.arena, &limit, &rig.fault));
    assert_int_equal(rig.fault.kind, FAULT_INVALID_VALUE);
    assert_int_equal(limit, 10);
}

static void a_query_cut_at_every_byte_is_read_or_refused(void **state)
{
    struct slice whole = SLICE("tap=cold&name=a+b%26c&count=12&x=%zz");

    (void)state;
    for (size_t n = 0; n <= whole.len; n++)
        if (!read(slice_sub(whole, 0, n)))
            assert_int_not_equal(rig.fault.kind, FAULT_NONE);
}

static void out_of_memory_is_told(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        alloc_fail_at(n);
        bool good = read(SLICE("name=a+b&tap=cold&count=12"));
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        assert_int_equal(good, !hit);
        if (!hit)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(values_are_decoded, clear),
        cmocka_unit_test_teardown(names_are_decoded_as_values_are, clear),
        cmocka_unit_test_teardown(what_is_wrong_is_named, clear),
        cmocka_unit_test_teardown(others_are_passed_over_where_they_may_be_there, clear),
        cmocka_unit_test_teardown(a_limit_has_its_most, clear),
        cmocka_unit_test_teardown(a_query_cut_at_every_byte_is_read_or_refused, clear),
        cmocka_unit_test_teardown(out_of_memory_is_told, clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
