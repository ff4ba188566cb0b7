/* test_call_identity.c: which calls are the same, and which have no other. */

#include "wire/call_identity.h"

#include "support/alloc_fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static int identify(struct arena *a, enum call_kind kind, const char *body, struct slice *ret)
{
    const struct call call = {.kind = kind, .body = slice_str(body)};

    return call_identity(&call, a, ret);
}

static void each_kind_is_its_own(void **state)
{
    static const enum call_kind kinds[] = {CALL_CHAT, CALL_MESSAGES, CALL_COMPLETIONS,
                                           CALL_EMBEDDINGS, CALL_RESPONSES};
    const char *body = "{\"model\":\"m\",\"store\":false}";
    struct slice texts[ARRAY_LEN(kinds)];
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        assert_int_equal(identify(&arena, kinds[i], body, &texts[i]), OK);
        for (size_t k = 0; k < i; k++)
            assert_false(slice_eq(texts[i], texts[k]));
    }
    assert_int_equal(identify(&arena, CALL_COUNT_TOKENS, body, &texts[0]), -ENOTSUP);
    arena_clear(&arena);
}

static void what_leaves_something_behind_has_none(void **state)
{
    static const struct {
        enum call_kind kind;
        const char *body;
        int rc;
    } cases[] = {
        {CALL_CHAT,        "{}",                                               OK      },
        {CALL_CHAT,        "{\"store\":null}",                                 OK      },
        {CALL_CHAT,        "{\"store\":false}",                                OK      },
        {CALL_CHAT,        "{\"store\":true}",                                 -ENOTSUP},
        {CALL_CHAT,        "{\"store\":1}",                                    -ENOTSUP},
        {CALL_CHAT,        "{\"st\\u006fre\":true}",                           -ENOTSUP},
        {CALL_CHAT,        "{\"store\":false,\"store\":false}",                -ENOTSUP},
        {CALL_CHAT,        "{\"a\":1,\"a\":1}",                                -ENOTSUP},
        {CALL_RESPONSES,   "{}",                                               -ENOTSUP},
        {CALL_RESPONSES,   "{\"store\":true}",                                 -ENOTSUP},
        {CALL_RESPONSES,   "{\"store\":false}",                                OK      },
        {CALL_RESPONSES,   "{\"store\":false,\"background\":false}",           OK      },
        {CALL_RESPONSES,   "{\"store\":false,\"background\":true}",            -ENOTSUP},
        {CALL_RESPONSES,   "{\"store\":false,\"conversation\":null}",          OK      },
        {CALL_RESPONSES,   "{\"store\":false,\"conversation\":{\"id\":1}}",    -ENOTSUP},
        {CALL_RESPONSES,   "{\"store\":false,\"previous_response_id\":\"r\"}", OK      },
        {CALL_MESSAGES,    "{\"container\":null}",                             OK      },
        {CALL_MESSAGES,    "{\"container\":\"c\"}",                            -ENOTSUP},
        {CALL_COMPLETIONS, "{\"store\":true}",                                 OK      },
        {CALL_EMBEDDINGS,  "{}",                                               OK      },
    };
    struct arena arena;
    struct slice text;

    (void)state;
    arena_init(&arena, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (identify(&arena, cases[i].kind, cases[i].body, &text) != cases[i].rc)
            fail_msg("%s", cases[i].body);
    arena_clear(&arena);
}

static void a_head_takes_part(void **state)
{
    const struct call_header headers[] = {
        {SLICE_INIT("anthropic-version"), SLICE_INIT("2023-06-01")},
        {SLICE_INIT("anthropic-beta"),    SLICE_INIT("a")         },
        {SLICE_INIT("anthropic-beta"),    SLICE_INIT("b")         },
    };
    struct call call = {.kind = CALL_MESSAGES, .body = SLICE("{}"), .headers = headers};
    struct slice texts[4];
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        call.headers_len = i;
        assert_int_equal(call_identity(&call, &arena, &texts[i]), OK);
        for (size_t k = 0; k < i; k++)
            assert_false(slice_eq(texts[i], texts[k]));
    }
    arena_clear(&arena);
}

static void a_large_one_has_none(void **state)
{
    size_t n = CALL_IDENTITY_MOST + 1;
    char *body = malloc(n);
    struct call call = {.kind = CALL_CHAT, .body = slice_of(body, n - 1)};
    struct slice text;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    memset(body, ' ', n);
    memcpy(body, "{}", 2);
    assert_int_equal(call_identity(&call, &arena, &text), OK);
    call.body.len = n;
    assert_int_equal(call_identity(&call, &arena, &text), -ENOTSUP);
    arena_clear(&arena);
    free(body);
}

static void out_of_memory_is_told(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        struct arena arena;
        struct slice text;
        arena_init(&arena, 0);
        alloc_fail_at(n);
        int rc = identify(&arena, CALL_CHAT, "{\"a\\n\":[{\"b\":\"\\u0001\"}]}", &text);
        bool hit = alloc_fail_hit();
        assert_int_equal(rc, hit ? -ENOMEM : OK);
        arena_clear(&arena);
        if (!hit)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_its_own),
        cmocka_unit_test(what_leaves_something_behind_has_none),
        cmocka_unit_test(a_head_takes_part),
        cmocka_unit_test(a_large_one_has_none),
        cmocka_unit_test(out_of_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
