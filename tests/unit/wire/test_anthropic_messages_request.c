/* test_anthropic_messages_request.c: what is read of a request, and how each wrong one is refused.
 */

#include "support/alloc_fail.h"
#include "wire/anthropic_messages.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"

struct refusal {
    const char *body;
    enum fault_kind kind;
    const char *param;
};

static void wrong_members_are_named(void **state)
{
    static const struct refusal table[] = {
        {"{}",                                                  FAULT_MISSING_MEMBER,   "model"      },
        {"{\"model\":7," MESSAGES "}",                          FAULT_WRONG_TYPE,       "model"      },
        {"{\"model\":\"\"," MESSAGES "}",                       FAULT_INVALID_VALUE,    "model"      },
        {"{\"model\":\"m\"}",                                   FAULT_MISSING_MEMBER,   "messages"   },
        {"{\"model\":\"m\",\"messages\":[]}",                   FAULT_INVALID_VALUE,    "messages"   },
        {"{\"model\":\"m\",\"messages\":[{},7]}",               FAULT_WRONG_TYPE,       "messages[1]"},
        {"{\"model\":\"m\",\"max_tokens\":\"5\"," MESSAGES "}", FAULT_WRONG_TYPE,       "max_tokens" },
        {"{\"model\":\"m\",\"max_tokens\":-1," MESSAGES "}",    FAULT_WRONG_TYPE,       "max_tokens" },
        {"{\"model\":\"m\",\"stream\":1," MESSAGES "}",         FAULT_WRONG_TYPE,       "stream"     },
        {"{\"model\":\"m\",\"system\":1," MESSAGES "}",         FAULT_WRONG_TYPE,       "system"     },
        {"{\"model\":\"m\",\"tools\":{}," MESSAGES "}",         FAULT_WRONG_TYPE,       "tools"      },
        {"{\"model\":\"m\",\"model\":\"n\"," MESSAGES "}",      FAULT_DUPLICATE_MEMBER, "model"      },
        {"{\"model\":\"m\"," MESSAGES "," MESSAGES "}",         FAULT_DUPLICATE_MEMBER, "messages"   },
        {"{\"model\":\"m\"," MESSAGES "",                       FAULT_INVALID_JSON,     ""           },
        {"[]",                                                  FAULT_INVALID_JSON,     ""           },
        {"",                                                    FAULT_INVALID_JSON,     ""           },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct arena arena;
        struct call call;
        struct fault fault;

        arena_init(&arena, 0);
        if (anthropic_messages_read(slice_str(table[i].body), &arena, &call, &fault))
            fail_msg("accepted: %s", table[i].body);
        if (fault.kind != table[i].kind || !slice_eq(fault.param, slice_str(table[i].param)))
            fail_msg("%s: kind %d param '%.*s'", table[i].body, (int)fault.kind,
                     SLICE_FMT(fault.param));
        assert_true(fault.message.len > 0);
        arena_clear(&arena);
    }
}

static void a_full_request_is_read(void **state)
{
    const char *body = "{\"model\":\"cl\\u0061ude\",\"max_tokens\":1024,\"stream\":true,\"system\":"
                       "\"abcdef\",\"thinking\":{\"type\":\"enabled\"},\"tools\":[]," MESSAGES "}";
    struct arena arena;
    struct call call;
    struct fault fault;

    (void)state;
    arena_init(&arena, 0);
    assert_true(anthropic_messages_read(slice_str(body), &arena, &call, &fault));
    assert_int_equal(fault.kind, FAULT_NONE);
    assert_int_equal(call.kind, CALL_MESSAGES);
    assert_int_equal(call.dialect, DIALECT_MESSAGES);
    assert_ptr_equal(call.body.at, body);
    assert_true(slice_eq(call.model, SLICE("claude")));
    assert_memory_equal(body + call.model_span.from, "\"cl\\u0061ude\"",
                        call.model_span.to - call.model_span.from);
    assert_true(call.stream);
    assert_int_equal(call.max_tokens, 1024);
    assert_int_equal(call.prompt_estimate, (strlen("\"abcdef\"") + strlen("[]") +
                                            strlen("[{\"role\":\"user\",\"content\":\"hi\"}]")) /
                                               4);
    assert_int_equal(call.stream_options.to, 0);
    arena_clear(&arena);
}

static void null_is_as_good_as_absent(void **state)
{
    const char *body = "{\"model\":\"m\",\"max_tokens\":null,\"stream\":null,\"system\":null,"
                       "\"tools\":null," MESSAGES "}";
    struct arena arena;
    struct call call;
    struct fault fault;

    (void)state;
    arena_init(&arena, 0);
    assert_true(anthropic_messages_read(slice_str(body), &arena, &call, &fault));
    assert_false(call.stream);
    assert_int_equal(call.max_tokens, 0);
    arena_clear(&arena);
}

static void cut_anywhere_it_is_refused(void **state)
{
    struct slice body = SLICE("{\"model\":\"cl\\u0061ude\",\"system\":[{}],\"stream\":true,"
                              "\"max_tokens\":1024," MESSAGES "}");

    (void)state;
    for (size_t n = 0; n < body.len; n++) {
        char *cut = malloc(n ? n : 1);
        struct arena arena;
        struct call call;
        struct fault fault;

        if (n > 0)
            memcpy(cut, body.at, n);
        arena_init(&arena, 0);
        assert_false(anthropic_messages_read(slice_of(cut, n), &arena, &call, &fault));
        assert_int_equal(fault.kind, FAULT_INVALID_JSON);
        arena_clear(&arena);
        free(cut);
    }
}

static void out_of_memory_is_a_fault(void **state)
{
    struct slice body = SLICE("{\"model\":\"cl\\u0061ude\"," MESSAGES "}");
    struct arena arena;
    struct call call;
    struct fault fault;

    (void)state;
    arena_init(&arena, 0);
    alloc_fail_at(1);
    assert_false(anthropic_messages_read(body, &arena, &call, &fault));
    assert_true(alloc_fail_hit());
    assert_int_equal(fault.kind, FAULT_INTERNAL);
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_members_are_named),   cmocka_unit_test(a_full_request_is_read),
        cmocka_unit_test(null_is_as_good_as_absent), cmocka_unit_test(cut_anywhere_it_is_refused),
        cmocka_unit_test(out_of_memory_is_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
