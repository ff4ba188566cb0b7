/* test_openai_endpoints.c: what is read of requests that are no chat, and how each wrong one is
 * refused. */

#include "support/alloc_fail.h"
#include "wire/call_reader.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static bool read_as(enum call_kind kind, struct slice body, struct arena *a, struct call *ret,
                    struct fault *ret_fault)
{
    *ret = (struct call){.kind = kind};
    return call_read(ret, body, a, ret_fault);
}

static void what_is_read(void **state)
{
    static const struct {
        enum call_kind kind;
        const char *body;
        bool stream, include_usage;
        uint64_t max_tokens, prompt_estimate;
    } table[] = {
        {CALL_COMPLETIONS,
         "{\"model\":\"m\",\"prompt\":\"123456\",\"suffix\":\"12\",\"stream\":true,"
         "\"stream_options\":{\"include_usage\":true},\"max_tokens\":7}",            true,  true,  7, 3},
        {CALL_COMPLETIONS,  "{\"model\":\"m\"}",                                     false, false, 0, 0},
        {CALL_COMPLETIONS,  "{\"model\":\"m\",\"prompt\":null}",                     false, false, 0, 1},
        {CALL_COMPLETIONS,  "{\"model\":\"m\",\"prompt\":[[1,2],[3,4]]}",            false, false, 0, 3},
        {CALL_EMBEDDINGS,   "{\"model\":\"m\",\"input\":\"123456\"}",                false, false, 0, 2},
        {CALL_EMBEDDINGS,   "{\"model\":\"m\",\"input\":[\"a\"],\"stream\":true}",   false, false, 0,
         1                                                                                             },
        {CALL_RESPONSES,
         "{\"model\":\"m\",\"input\":\"123456\",\"instructions\":\"12\",\"tools\":[{}],"
         "\"stream\":true,\"max_output_tokens\":7,\"stream_options\":3}",            true,  false, 7, 4},
        {CALL_RESPONSES,    "{\"model\":\"m\",\"input\":[{}],\"max_tokens\":1}",     false, false, 0, 1},
        {CALL_RESPONSES,    "{\"model\":\"m\",\"prompt\":{\"id\":\"p\"}}",           false, false, 0, 0},
        {CALL_RESPONSES,    "{\"model\":\"m\",\"background\":true,\"stream\":true}", true,  false, 0,
         0                                                                                             },
        {CALL_RESPONSES,    "{\"model\":\"m\",\"background\":false}",                false, false, 0, 0},
        {CALL_COUNT_TOKENS, "{\"model\":\"m\",\"messages\":[{}],\"stream\":true}",   false, false, 0,
         1                                                                                             },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct arena arena;
        struct call call;
        struct fault fault;
        arena_init(&arena, 0);
        if (!read_as(table[i].kind, slice_str(table[i].body), &arena, &call, &fault))
            fail_msg("refused: %s: %.*s", table[i].body, SLICE_FMT(fault.message));
        assert_int_equal(call.kind, table[i].kind);
        assert_true(slice_eq(call.model, SLICE("m")));
        assert_true(slice_eq(call.body, slice_str(table[i].body)));
        assert_int_equal(call.stream, table[i].stream);
        assert_int_equal(call.include_usage, table[i].include_usage);
        assert_int_equal(call.max_tokens, table[i].max_tokens);
        assert_int_equal(call.prompt_estimate, table[i].prompt_estimate);
        arena_clear(&arena);
    }
}

static void wrong_members_are_named(void **state)
{
    static const struct {
        enum call_kind kind;
        const char *body;
        enum fault_kind fault;
        const char *param;
    } table[] = {
        {CALL_COMPLETIONS,  "{\"prompt\":\"a\"}",                                FAULT_MISSING_MEMBER,  "model"     },
        {CALL_COMPLETIONS,  "{\"model\":\"m\",\"prompt\":{}}",                   FAULT_WRONG_TYPE,      "prompt"    },
        {CALL_COMPLETIONS,  "{\"model\":\"m\",\"stream\":1}",                    FAULT_WRONG_TYPE,      "stream"    },
        {CALL_COMPLETIONS,  "{\"model\":\"m\",\"stream_options\":1}",            FAULT_WRONG_TYPE,
         "stream_options"                                                                                           },
        {CALL_COMPLETIONS,  "{\"model\":\"m\",\"max_tokens\":\"1\"}",            FAULT_WRONG_TYPE,
         "max_tokens"                                                                                               },
        {CALL_COMPLETIONS,  "{\"model\":\"m\",\"prompt\":\"\",\"prompt\":\"\"}",
         FAULT_DUPLICATE_MEMBER,                                                                        "prompt"    },
        {CALL_EMBEDDINGS,   "{\"input\":\"a\"}",                                 FAULT_MISSING_MEMBER,  "model"     },
        {CALL_EMBEDDINGS,   "{\"model\":\"m\"}",                                 FAULT_MISSING_MEMBER,  "input"     },
        {CALL_EMBEDDINGS,   "{\"model\":\"m\",\"input\":null}",                  FAULT_WRONG_TYPE,      "input"     },
        {CALL_EMBEDDINGS,   "{\"model\":\"m\",\"input\":[]}",                    FAULT_INVALID_VALUE,   "input"     },
        {CALL_RESPONSES,    "{\"input\":\"a\"}",                                 FAULT_MISSING_MEMBER,  "model"     },
        {CALL_RESPONSES,    "{\"model\":\"m\",\"input\":1}",                     FAULT_WRONG_TYPE,      "input"     },
        {CALL_RESPONSES,    "{\"model\":\"m\",\"background\":1}",                FAULT_WRONG_TYPE,      "background"},
        {CALL_RESPONSES,    "{\"model\":\"m\",\"background\":true}",             FAULT_UNSUPPORTED,     "background"},
        {CALL_RESPONSES,    "{\"model\":\"m\",\"max_output_tokens\":-1}",        FAULT_WRONG_TYPE,
         "max_output_tokens"                                                                                        },
        {CALL_COUNT_TOKENS, "{\"model\":\"m\"}",                                 FAULT_MISSING_MEMBER,  "messages"  },
        {CALL_KIND_MAX,     "{}",                                                FAULT_NOT_IMPLEMENTED, ""          },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct arena arena;
        struct call call;
        struct fault fault;
        arena_init(&arena, 0);
        if (read_as(table[i].kind, slice_str(table[i].body), &arena, &call, &fault))
            fail_msg("accepted: %s", table[i].body);
        if (fault.kind != table[i].fault || !slice_eq(fault.param, slice_str(table[i].param)))
            fail_msg("%s: kind %d param '%.*s'", table[i].body, fault.kind, SLICE_FMT(fault.param));
        arena_clear(&arena);
    }
}

static const char *const bodies[CALL_KIND_MAX] = {
    [CALL_COMPLETIONS] = "{\"mod\\u0065l\":\"\\u006d\",\"prompt\":\"a\",\"stream_options\":{}}",
    [CALL_EMBEDDINGS] = "{\"model\":\"\\u006d\",\"input\":[\"a\",[1]]}",
    [CALL_RESPONSES] = "{\"model\":\"\\u006d\",\"input\":\"a\",\"stream\":null}",
};

static void cut_at_every_byte(void **state)
{
    (void)state;
    for (enum call_kind kind = CALL_COMPLETIONS; kind < CALL_KIND_MAX; kind++) {
        for (size_t len = 0; len < strlen(bodies[kind]); len++) {
            char *exact = malloc(len ? len : 1);
            struct arena arena;
            struct call call;
            struct fault fault;
            memcpy(exact, bodies[kind], len);
            arena_init(&arena, 0);
            assert_false(read_as(kind, slice_of(exact, len), &arena, &call, &fault));
            assert_int_equal(fault.kind, FAULT_INVALID_JSON);
            arena_clear(&arena);
            free(exact);
        }
    }
}

static bool read_failing_at(enum call_kind kind, unsigned n)
{
    struct arena arena;
    struct call call;
    struct fault fault;

    arena_init(&arena, 0);
    alloc_fail_at(n);
    bool ok = read_as(kind, slice_str(bodies[kind]), &arena, &call, &fault);
    bool hit = alloc_fail_hit();
    alloc_fail_at(0);
    assert_int_equal(ok, !hit);
    assert_int_equal(fault.kind, hit ? FAULT_INTERNAL : FAULT_NONE);
    arena_clear(&arena);
    return hit;
}

static void without_memory(void **state)
{
    (void)state;
    for (enum call_kind kind = CALL_COMPLETIONS; kind < CALL_KIND_MAX; kind++)
        for (unsigned n = 1; read_failing_at(kind, n); n++)
            ;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read),
        cmocka_unit_test(wrong_members_are_named),
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
