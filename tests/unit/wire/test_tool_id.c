/* Ids of calls of tools with a thought signature: there and back, and ids of others. */

#include "wire/tool_id.h"

#include "support/alloc_fail.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static struct slice written(struct slice id, struct slice signature, struct arena *a)
{
    struct json_out o;

    json_out_begin(&o, a, 0);
    tool_id_write(&o, id, signature);
    return json_out_failed(&o) ? (struct slice){0} : json_out_slice(&o);
}

static void a_signature_comes_back(void **state)
{
    static const struct {
        struct slice signature, there, back;
    } table[] = {
        {SLICE_INIT("AbC0"),           SLICE_INIT("call_1__thought__AbC0"),          SLICE_INIT("AbC0")   },
        {SLICE_INIT("a+b/c=="),        SLICE_INIT("call_1__thought__a-pb-sc-e-e"),   SLICE_INIT("a+b/c==")},
        {SLICE_INIT("a-b_c"),          SLICE_INIT("call_1__thought__a-mb_c"),        SLICE_INIT("a-b_c")  },
        {SLICE_INIT("a\\/b\\u003d"),   SLICE_INIT("call_1__thought__a-sb-e"),        SLICE_INIT("a/b=")   },
        {SLICE_INIT("\\u002B\\u002f"), SLICE_INIT("call_1__thought__-p-s"),          SLICE_INIT("+/")     },
        {SLICE_INIT("a__thought__b"),  SLICE_INIT("call_1__thought__a__thought__b"),
         SLICE_INIT("a__thought__b")                                                                      },
    };
    struct arena a;

    (void)state;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct slice id = written(SLICE("call_1"), table[i].signature, &a), signature;
        assert_true(slice_eq(id, table[i].there));
        assert_true(tool_id_split(&id, &signature, &a));
        assert_true(slice_eq(id, SLICE("call_1")));
        assert_true(slice_eq(signature, table[i].back));
    }
    arena_clear(&a);
}

static void what_is_no_signature_is_left_out(void **state)
{
    static const char *const none[] = {"", "a b", "a\\\"b", "a\\nb", "\\u0061", "\xc3\xa4", "\\"};
    struct arena a;

    (void)state;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        assert_true(slice_eq(written(SLICE("id"), slice_str(none[i]), &a), SLICE("id")));
    arena_clear(&a);
}

static void ids_of_others_stay_as_they_are(void **state)
{
    static const char *const ids[] = {"",
                                      "toolu_01",
                                      "__thought__AbC",
                                      "id__thought__",
                                      "id__thought__a+b",
                                      "id__thought__a-",
                                      "id__thought__a-x",
                                      "id__thought__a\"b",
                                      "id__thought__a\\u0022",
                                      "id__thought_"};
    struct arena a;

    (void)state;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct slice id = slice_str(ids[i]), signature;
        assert_true(tool_id_split(&id, &signature, &a));
        assert_true(slice_eq(id, slice_str(ids[i])));
        assert_int_equal(signature.len, 0);
    }
    arena_clear(&a);
}

static void any_bytes_are_read(void **state)
{
    static const char letters[] = "aZ9_-psem+/=\\u03d\"{";
    struct arena a;

    (void)state;
    srand(7);
    for (unsigned round = 0; round < 20000; round++) {
        size_t len = (size_t)rand() % 12;
        char *bytes = malloc(len + 1); /* exact, for the sanitizer */
        for (size_t i = 0; i < len; i++)
            bytes[i] = letters[(size_t)rand() % (sizeof(letters) - 1)];
        arena_init(&a, 0);
        struct slice id = written(SLICE("i"), slice_of(bytes, len), &a), again, signature;
        assert_true(tool_id_split(&id, &signature, &a));
        assert_true(slice_eq(id, SLICE("i")));
        again = written(id, signature, &a); /* what came back goes the same way again */
        assert_true(tool_id_split(&again, &id, &a));
        assert_true(slice_eq(signature, id));
        assert_int_equal(slice_find(signature, SLICE("\"")), signature.len);
        assert_int_equal(slice_find(signature, SLICE("\\")), signature.len);
        arena_clear(&a);
        free(bytes);
    }
}

static void memory_may_end(void **state)
{
    struct slice id = SLICE("id__thought__AbC"), signature;
    struct arena a;

    (void)state;
    arena_init(&a, 0);
    alloc_fail_at(1);
    assert_false(tool_id_split(&id, &signature, &a));
    alloc_fail_at(1);
    assert_null(written(SLICE("id"), SLICE("AbC"), &a).at);
    alloc_fail_at(0);
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_comes_back),
        cmocka_unit_test(what_is_no_signature_is_left_out),
        cmocka_unit_test(ids_of_others_stay_as_they_are),
        cmocka_unit_test(any_bytes_are_read),
        cmocka_unit_test(memory_may_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
