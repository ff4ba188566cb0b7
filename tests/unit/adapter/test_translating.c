/* test_translating.c: what the fixtures of tests/adapter cannot show of calls between dialects:
 * memory that runs out, ends without a marker, what is known of models. */

#include "adapter/anthropic.h"
#include "adapter/anthropic_models.h"
#include "adapter/openai.h"
#include "adapter/registry.h"
#include "support/alloc_fail.h"
#include "wire/call_reader.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

/* A provider asked by a client of another dialect, and of its own. */
struct pairing {
    const char *type;
    enum call_kind kind;
};

static const struct pairing pairings[] = {
    {"anthropic", CALL_CHAT    },
    {"openai",    CALL_MESSAGES},
    {"anthropic", CALL_MESSAGES},
};

static const char request[] = "{\"model\":\"m\",\"max_tokens\":9,\"stream\":true,\"messages\":[{"
                              "\"role\":\"user\",\"content\":\"a\"}]}";

static struct target target_of(const char *type, const char *key)
{
    return (struct target){
        .adapter = adapter_find(slice_str(type)),
        .authority = SLICE("example.org"),
        .upstream_model = SLICE("other"),
        .api_key = secret_of(slice_str(key)),
    };
}

static struct call call_of(enum call_kind kind, struct arena *a)
{
    struct call call = {
        .kind = kind,
        .dialect = kind == CALL_CHAT ? DIALECT_CHAT : DIALECT_MESSAGES,
    };
    struct fault fault;

    assert_true(call_read(&call, slice_str(request), a, &fault));
    return call;
}

/* n: the allocation that fails. Returns whether it was reached. */
static bool encode_failing_at(const struct pairing *p, unsigned n)
{
    struct target t = target_of(p->type, "key");
    struct arena read, arena;
    struct http_message m;
    struct fault fault;

    arena_init(&read, 0);
    arena_init(&arena, 0);
    struct call call = call_of(p->kind, &read);
    alloc_fail_at(n);
    int rc = t.adapter->ops[p->kind]->encode(&t, &call, &arena, &m, &fault);
    bool hit = alloc_fail_hit();
    alloc_fail_at(0);
    assert_int_equal(rc, hit ? -ENOMEM : OK);
    arena_clear(&arena);
    arena_clear(&read);
    return hit;
}

static void encode_out_of_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairings); i++)
        for (unsigned n = 1; encode_failing_at(&pairings[i], n); n++)
            ;
}

/* Every allocation may also be refused by the arena's limit. */
static void encode_over_the_limit(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairings); i++) {
        struct target t = target_of(pairings[i].type, "key");
        int rc = -ENOMEM;
        for (size_t limit = 1; rc != OK && limit < 1 << 20; limit += 64) {
            struct arena read, arena;
            struct http_message m;
            struct fault fault;
            arena_init(&read, 0);
            arena_init(&arena, limit);
            struct call call = call_of(pairings[i].kind, &read);
            rc = t.adapter->ops[call.kind]->encode(&t, &call, &arena, &m, &fault);
            assert_true(rc == OK || rc == -ENOMEM);
            arena_clear(&arena);
            arena_clear(&read);
        }
        assert_int_equal(rc, OK);
    }
}

static void a_key_that_would_break_the_head_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairings); i++) {
        struct target t = target_of(pairings[i].type, "k\r\nx-evil: 1");
        struct arena arena;
        struct http_message m;
        struct fault fault;
        arena_init(&arena, 0);
        struct call call = call_of(pairings[i].kind, &arena);
        assert_int_equal(t.adapter->ops[call.kind]->encode(&t, &call, &arena, &m, &fault), -EINVAL);
        assert_int_equal(fault.kind, FAULT_UPSTREAM_CREDENTIALS);
        arena_clear(&arena);
    }
}

static struct slice buffered_answer(const struct pairing *p)
{
    if (strcmp(p->type, "openai") == 0)
        return SLICE("{\"choices\":[{\"message\":{\"tool_calls\":[{\"function\":{\"name\":\"f\","
                     "\"arguments\":\"{\\n}\"}},{\"function\":{\"arguments\":\"{\"}}]}}]}");
    return SLICE("{\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}");
}

static bool decode_failing_at(const struct pairing *p, unsigned n)
{
    struct target t = target_of(p->type, "");
    struct arena arena;
    struct reply reply;
    struct fault fault;

    arena_init(&arena, 0);
    struct call call = {.kind = p->kind};
    const struct decoding d = {.target = &t, .call = &call, .arena = &arena};
    alloc_fail_at(n);
    int rc = t.adapter->ops[p->kind]->decode(&d, buffered_answer(p), &reply, &fault);
    bool hit = alloc_fail_hit();
    alloc_fail_at(0);
    assert_int_equal(rc, hit ? -ENOMEM : OK);
    arena_clear(&arena);
    return hit;
}

static void decode_out_of_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairings); i++)
        for (unsigned n = 1; decode_failing_at(&pairings[i], n); n++)
            ;
}

/* The model's name is the target's where the provider does not tell its own. */
static void decode_over_the_limit(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct target t = target_of(pairings[i].type, "");
        struct call call = {.kind = pairings[i].kind};
        int rc = -ENOMEM;
        for (size_t limit = 1; rc != OK && limit < 1 << 20; limit += 64) {
            struct arena arena;
            struct reply reply;
            struct fault fault;
            arena_init(&arena, limit);
            const struct decoding d = {.target = &t, .call = &call, .arena = &arena};
            rc = t.adapter->ops[call.kind]->decode(&d, buffered_answer(&pairings[i]), &reply,
                                                   &fault);
            assert_true(rc == OK || rc == -ENOMEM);
            if (rc == OK)
                assert_true(slice_find(reply.body, SLICE("\"model\":\"other\"")) < reply.body.len);
            arena_clear(&arena);
        }
        assert_int_equal(rc, OK);
    }
}

static void an_end_without_a_marker_is_made_one(void **state)
{
    static const char *const chunks[] = {
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}",
        "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}",
    };
    struct target t = target_of("openai", "");
    struct call call = {.kind = CALL_MESSAGES};
    struct event_list list;
    struct slice marker;
    struct arena arena;
    struct buf out;

    (void)state;
    arena_init(&arena, 0);
    buf_init(&out, 1 << 16);
    void *decoder = arena_zalloc(&arena, openai_messages_op.state_size);
    const struct decoding d = {.target = &t, .call = &call, .arena = &arena, .out = &out};
    assert_int_equal(openai_messages_op.begin(decoder, &d), OK);
    for (size_t i = 0; i < ARRAY_LEN(chunks); i++)
        assert_int_equal(
            openai_messages_op.decode_event(decoder, SLICE(""), slice_str(chunks[i]), &list), OK);
    assert_int_equal(list.at[0].marks, EVENT_FINISH);
    assert_true(slice_find(buf_slice(&out), SLICE("message_stop")) == out.len);
    buf_reset(&out); /* what has been sent is the caller's matter */
    assert_int_equal(openai_messages_op.finish(decoder, &marker), OK);
    assert_true(slice_is_empty(marker));
    assert_true(slice_starts(buf_slice(&out), SLICE("event: message_delta\n")));
    assert_true(slice_find(buf_slice(&out), SLICE("message_stop")) < out.len);
    buf_free(&out);
    arena_clear(&arena);
}

/* A cut stream is none that ended. */
static void a_dialect_with_a_marker_needs_it(void **state)
{
    (void)state;
    assert_null(anthropic_messages_op.finish);
    assert_null(anthropic_chat_op.finish);
}

static void a_refusal_without_memory_has_no_body(void **state)
{
    static const struct adapter_op *const ops[] = {&anthropic_chat_op, &openai_messages_op};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        struct fault fault = {.kind = FAULT_CONTEXT_LENGTH,
                              .upstream_status = 400,
                              .upstream_body = SLICE("{\"error\":{\"message\":\"x\"}}")};
        struct arena arena;
        arena_init(&arena, 16);
        ops[i]->refusal(&fault, &arena);
        assert_true(slice_is_empty(fault.upstream_body));
        arena_clear(&arena);
    }
}

static void what_is_known_of_models(void **state)
{
    static const struct {
        const char *model;
        uint64_t max_tokens;
        enum wire_reasoning reasoning;
        bool one_of_both, no_sampling, strict;
    } table[] = {
        {"claude-3-haiku-20240307",    4096,  WIRE_REASONING_UNKNOWN,  false, false, false},
        {"claude-3-5-sonnet-20241022", 8192,  WIRE_REASONING_UNKNOWN,  false, false, false},
        {"claude-3-7-sonnet-latest",   32000, WIRE_REASONING_BUDGET,   false, false, false},
        {"claude-opus-4-20250514",     32000, WIRE_REASONING_BUDGET,   false, false, false},
        {"claude-sonnet-4@20250514",   32000, WIRE_REASONING_BUDGET,   false, false, false},
        {"claude-opus-4-1-20250805",   32000, WIRE_REASONING_BUDGET,   true,  false, false},
        {"claude-sonnet-4-5",          32000, WIRE_REASONING_BUDGET,   true,  false, true },
        {"claude-sonnet-4-6",          32000, WIRE_REASONING_ADAPTIVE, true,  false, true },
        {"claude-opus-4-7",            32000, WIRE_REASONING_ADAPTIVE, false, true,  true },
        {"claude-haiku-5-5",           32000, WIRE_REASONING_ADAPTIVE, false, true,  true },
        {"claude-opus-9",              32000, WIRE_REASONING_ADAPTIVE, false, true,  true },
        {"kimi-k2",                    8192,  WIRE_REASONING_BUDGET,   false, false, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct target t = {.upstream_model = slice_str(table[i].model)};
        struct wire_options o = anthropic_options(&t);
        assert_int_equal(o.max_tokens_default, table[i].max_tokens);
        assert_int_equal(o.reasoning, table[i].reasoning);
        assert_int_equal(o.temperature_xor_top_p, table[i].one_of_both);
        assert_int_equal(o.no_sampling, table[i].no_sampling);
        assert_int_equal(o.strict_tools, table[i].strict);
        assert_int_equal(o.thinking_omitted, table[i].no_sampling); /* since the same models */
        assert_true(o.max_tokens_limit == 0 || o.max_tokens_limit >= o.max_tokens_default);
    }
}

static void the_targets_own_limit_wins(void **state)
{
    struct target t = {.upstream_model = SLICE("claude-3-7-sonnet-latest"), .max_tokens = 1000};

    (void)state;
    assert_int_equal(anthropic_options(&t).max_tokens_default, 1000);
    assert_int_equal(anthropic_options(&t).max_tokens_limit, 64000);
    t.max_tokens = 128000; /* more than is known of it */
    assert_int_equal(anthropic_options(&t).max_tokens_default, 128000);
    assert_int_equal(anthropic_options(&t).max_tokens_limit, 128000);
    t.upstream_model = SLICE("claude-opus-9");
    assert_int_equal(anthropic_options(&t).max_tokens_default, 128000);
    assert_int_equal(anthropic_options(&t).max_tokens_limit, 0);
}

static void what_is_known_of_vendors(void **state)
{
    const struct openai_rules origin = {.is_origin = true};
    const struct openai_rules other = {.refuses_stream_options = true, .takes_reasoning = true};

    (void)state;
    assert_int_equal(openai_options(&origin, SLICE("gpt-5-mini")).reasoning, WIRE_REASONING_EFFORT);
    assert_int_equal(openai_options(&origin, SLICE("gpt-5-chat-latest")).reasoning,
                     WIRE_REASONING_UNKNOWN);
    assert_int_equal(openai_options(&origin, SLICE("gpt-4o")).reasoning, WIRE_REASONING_UNKNOWN);
    assert_true(openai_options(&origin, SLICE("gpt-4o")).max_completion_tokens);
    assert_false(openai_options(&origin, SLICE("gpt-4o")).no_sampling);
    assert_true(openai_options(&origin, SLICE("gpt-5-mini")).no_sampling);
    assert_true(openai_options(&origin, SLICE("o3")).no_sampling);
    assert_false(openai_options(&other, SLICE("o3")).no_sampling);
    assert_int_equal(openai_options(&other, SLICE("o3")).reasoning, WIRE_REASONING_UNKNOWN);
    assert_true(openai_options(&other, SLICE("o3")).no_stream_options);
    assert_true(openai_options(&other, SLICE("o3")).reasoning_content);
    assert_false(openai_options(&other, SLICE("o3")).max_completion_tokens);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encode_out_of_memory),
        cmocka_unit_test(encode_over_the_limit),
        cmocka_unit_test(a_key_that_would_break_the_head_is_refused),
        cmocka_unit_test(decode_out_of_memory),
        cmocka_unit_test(decode_over_the_limit),
        cmocka_unit_test(an_end_without_a_marker_is_made_one),
        cmocka_unit_test(a_dialect_with_a_marker_needs_it),
        cmocka_unit_test(a_refusal_without_memory_has_no_body),
        cmocka_unit_test(what_is_known_of_models),
        cmocka_unit_test(the_targets_own_limit_wins),
        cmocka_unit_test(what_is_known_of_vendors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
