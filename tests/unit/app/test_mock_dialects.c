/* What the mock says in each of its dialects, without its sockets. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/mock_reply.h"
#include "support/alloc_fail.h"

#include <stdio.h>

#define WEATHER                                                                                    \
    "{\"type\":\"object\",\"required\":[\"city\"],\"properties\":{\"city\":{\"type\":\"string\"}}" \
    "}"
#define TOOLS                                                                                      \
    "\"tools\":[{\"name\":\"weather\",\"input_schema\":" WEATHER "},"                              \
    "{\"type\":\"function\",\"function\":{\"name\":\"time\",\"parameters\":{}}}]"
#define ASK(spec)    "{\"model\":\"mock?" spec "\",\"messages\":[]," TOOLS "}"
#define STREAM(spec) "{\"model\":\"mock?" spec "\",\"messages\":[],\"stream\":true," TOOLS "}"

static const struct mock_dialect *const dialects[] = {
    &mock_chat,      &mock_completions, &mock_embeddings,
    &mock_responses, &mock_messages,    &mock_count_tokens,
};

static struct mock_script *script_of(const struct mock_dialect *dialect, const char *body)
{
    struct mock_plan plan;
    struct mock_ask ask;
    struct slice wrong;

    assert_true(mock_ask_read(slice_str(body), &ask));
    struct slice spec = ask.model;
    slice_cut(&spec, '?');
    mock_plan_init(&plan);
    assert_true(mock_plan_read(&plan, spec, &wrong));
    return mock_reply(dialect, &plan, &ask);
}

/* All bytes of the script in one text. */
static void join(const struct mock_script *s, struct buf *ret)
{
    assert_non_null(s);
    buf_init(ret, 1 << 22);
    for (size_t i = 0; i < s->len; i++)
        if (s->steps[i].act == MOCK_SEND)
            buf_add(ret, s->steps[i].bytes);
    assert_int_equal(ret->rc, OK);
}

static void expect(const struct mock_dialect *dialect, const char *body, const char *text, bool is)
{
    struct mock_script *s = script_of(dialect, body);
    struct buf all;

    join(s, &all);
    if ((slice_find(buf_slice(&all), slice_str(text)) < all.len) != is)
        fail_msg("%s\n%s %s\n%.*s", body, is ? "lacks" : "has", text, (int)all.len, all.at);
    buf_free(&all);
    mock_script_unref(s);
}

#define HAS(dialect, body, text)   expect(&(dialect), body, text, true)
#define LACKS(dialect, body, text) expect(&(dialect), body, text, false)

/* The texts stand one behind the other. */
static void expect_order(const struct mock_dialect *dialect, const char *body,
                         const char *const *texts, size_t n)
{
    struct mock_script *s = script_of(dialect, body);
    struct buf all;

    join(s, &all);
    struct slice rest = buf_slice(&all);
    for (size_t i = 0; i < n; i++) {
        size_t at = slice_find(rest, slice_str(texts[i]));
        if (at == rest.len)
            fail_msg("%s\nlacks in its place: %s\n%.*s", body, texts[i], (int)all.len, all.at);
        rest = slice_sub(rest, at + strlen(texts[i]), rest.len);
    }
    buf_free(&all);
    mock_script_unref(s);
}

static void test_messages_whole(void **state)
{
    (void)state;
    HAS(mock_messages, ASK("text=good+day"),
        "\"content\":[{\"type\":\"text\",\"text\":\"good day\"}],\"stop_reason\":\"end_turn\"");
    HAS(mock_messages, ASK("prompt_tokens=7&cached_tokens=3&cache_written_tokens=2"),
        "\"usage\":{\"input_tokens\":7,\"cache_creation_input_tokens\":2,"
        "\"cache_read_input_tokens\":3,\"output_tokens\":12}");
    HAS(mock_messages, ASK("thinking=1"), "\"content\":[{\"type\":\"thinking\",\"thinking\":\"");
    HAS(mock_messages, ASK("redacted=1"), "\"content\":[{\"type\":\"redacted_thinking\",\"data\"");
    HAS(mock_messages, ASK("tool=1"),
        "\"content\":[{\"type\":\"tool_use\",\"id\":\"toolu_mock\",\"name\":\"weather\","
        "\"input\":{\"city\":\"text\"}}],\"stop_reason\":\"tool_use\"");
    HAS(mock_messages, ASK("stop=refusal"), "\"stop_reason\":\"refusal\"");
    HAS(mock_messages, ASK("no_finish=1"), "\"stop_reason\":null");
    HAS(mock_messages, "{\"model\":\"m?stop=stop_sequence\",\"stop_sequences\":[\"END\"]}",
        "\"stop_reason\":\"stop_sequence\",\"stop_sequence\":\"END\"");
    HAS(mock_messages, ASK(""), "\r\nrequest-id: req_mock\r\n");
    LACKS(mock_messages, ASK("no_usage=1"), "usage");
    HAS(mock_count_tokens, ASK("prompt_tokens=42"), "\r\n\r\n{\"input_tokens\":42}");
}

static void test_messages_events(void **state)
{
    static const char *const order[] = {
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{",
        "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":9,",
        "\"output_tokens\":1}",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,",
        "event: ping\n",
        "\"delta\":{\"type\":\"thinking_delta\"",
        "\"delta\":{\"type\":\"signature_delta\",\"signature\":\"",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}",
        "\"index\":1,\"content_block\":{\"type\":\"redacted_thinking\"",
        "\"index\":2,\"content_block\":{\"type\":\"text\",\"text\":\"\"}",
        "\"index\":2,\"delta\":{\"type\":\"text_delta\",\"text\":\"now\"}",
        "\"index\":3,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_mock\",",
        "\"name\":\"weather\",\"input\":{}}",
        "\"index\":3,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\"}",
        "\"partial_json\":\"{\\\"a\\\"\"}",
        "\"partial_json\":\":\\\"\\\\u0\"}",
        "\"partial_json\":\"0e9\\\"}\"}",
        "\"index\":3}",
        "\"index\":4,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_mock_1\",",
        "\"name\":\"time\"",
        "\"index\":4}",
        ("event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
         "\"tool_use\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":12}}"),
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n\r\n0\r\n\r\n",
    };

    (void)state;
    expect_order(&mock_messages,
                 STREAM("thinking=1&redacted=1&text=now&tool=2&chunks=3&"
                        "arguments=%7B%22a%22%3A%22%5Cu00e9%22%7D"),
                 order, ARRAY_LEN(order));
    LACKS(mock_messages, STREAM("no_done=1"), "message_stop");
    LACKS(mock_messages, STREAM("cut_after=0"), "content_block_start");
    HAS(mock_messages, STREAM("usage_in_last=1"),
        "\"usage\":{\"input_tokens\":9,\"cache_creation_input_tokens\":0,"
        "\"cache_read_input_tokens\":0,\"output_tokens\":12}}");
    HAS(mock_messages, STREAM("error_after=1&type=overloaded_error"),
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"");
    LACKS(mock_messages, STREAM("error_after=1"), "message_stop");
}

static void test_messages_errors(void **state)
{
    static const struct {
        const char *status, *type;
    } cases[] = {
        {"400", "invalid_request_error"},
        {"401", "authentication_error" },
        {"402", "billing_error"        },
        {"403", "permission_error"     },
        {"404", "not_found_error"      },
        {"409", "conflict_error"       },
        {"413", "request_too_large"    },
        {"429", "rate_limit_error"     },
        {"500", "api_error"            },
        {"503", "api_error"            },
        {"504", "timeout_error"        },
        {"529", "overloaded_error"     },
    };
    char body[64], text[96];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(body, sizeof(body), "{\"model\":\"mock?status=%s\"}", cases[i].status);
        snprintf(text, sizeof(text),
                 "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":", cases[i].type);
        HAS(mock_messages, body, text);
        HAS(mock_messages, body, ",\"request_id\":\"req_mock\"}");
    }
    HAS(mock_messages, ASK("status=429&reset_tokens=2026-01-01T00%3A00"),
        "anthropic-ratelimit-tokens-reset: 2026-01-01T00%3A00\r\n");
}

static unsigned refusal(const char *head, const char *body)
{
    struct mock_request r = {.head = slice_str(head), .body = slice_str(body)};
    struct mock_ask ask;
    const char *why;

    assert_true(mock_ask_read(r.body, &ask));
    return mock_messages.refuse(&r, &ask, &why);
}

static void test_messages_insist_on_headers(void **state)
{
    const char *good = "{\"model\":\"m\",\"messages\":[],\"max_tokens\":1}";

    (void)state;
    assert_int_equal(refusal("POST / HTTP/1.1\r\n\r\n", good), 401);
    assert_int_equal(refusal("POST / HTTP/1.1\r\nX-Api-Key: k\r\n\r\n", good), 400);
    assert_int_equal(refusal("\r\nauthorization: Bearer k\r\nanthropic-version: 1\r\n\r\n", good),
                     0);
    assert_int_equal(refusal("\r\nx-api-key: k\r\nanthropic-version: 1\r\n\r\n", good), 0);
    assert_int_equal(
        refusal("\r\nx-api-key: k\r\nanthropic-version: 1\r\n\r\n", "{\"model\":\"m\"}"), 400);
    assert_int_equal(refusal("\r\nx-api-key: k\r\nanthropic-version: 1\r\n\r\n",
                             "{\"model\":\"m\",\"messages\":[]}"),
                     400);
}

static void test_chat_calls(void **state)
{
    static const char *const order[] = {
        "\"delta\":{\"role\":\"assistant\",\"content\":null",
        "\"delta\":{\"reasoning_content\":\"",
        "\"delta\":{\"content\":\"now\"}",
        ("\"tool_calls\":[{\"index\":0,\"id\":\"call_mock\",\"type\":\"function\",\"function\":"
         "{\"name\":\"weather\",\"arguments\":\"\"}}]"),
        "\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"cit\"}}]",
        "\"tool_calls\":[{\"index\":1,\"id\":\"call_mock_1\"",
        "\"finish_reason\":\"tool_calls\"",
    };

    (void)state;
    expect_order(&mock_chat, STREAM("tool=2&chunks=3&text=now&thinking=1"), order,
                 ARRAY_LEN(order));
    HAS(mock_chat, ASK("tool=1&arguments=%5b1+2%zz"), "\"arguments\":\"[1 2%zz\"");
    HAS(mock_chat, ASK("tool=2"), "\"arguments\":\"{\\\"city\\\":\\\"text\\\"}\"}},{\"id\":\"");
    HAS(mock_chat, ASK("stop=length"), "\"finish_reason\":\"length\"");
    HAS(mock_chat, "{\"model\":\"mock?tool=1\"}", "\"content\":\"Hello!");
}

static void test_no_call_behind_a_result(void **state)
{
    (void)state;
    HAS(mock_chat,
        "{\"model\":\"mock?tool=1\"," TOOLS
        ",\"messages\":[{\"role\":\"user\"},{\"role\":\"tool\"}]}",
        "\"finish_reason\":\"stop\"");
    HAS(mock_chat,
        "{\"model\":\"mock?tool=1\"," TOOLS
        ",\"messages\":[{\"role\":\"tool\"},{\"role\":\"user\"}]}",
        "\"finish_reason\":\"tool_calls\"");
    HAS(mock_messages,
        "{\"model\":\"mock?tool=1\"," TOOLS ",\"messages\":[{\"role\":\"user\",\"content\":"
        "[{\"type\":\"tool_result\"},{\"type\":\"text\"}]}]}",
        "\"stop_reason\":\"end_turn\"");
}

static void test_echo(void **state)
{
    (void)state;
    HAS(mock_chat, "{\"model\":\"mock?echo=1\",\"x\":1.0}",
        "\"content\":\"{\\\"model\\\":\\\"mock?echo=1\\\",\\\"x\\\":1.0}\"");
    HAS(mock_messages, "{ \"model\":\"mock?echo=1\",\"x\":\"\\n\"}",
        "\"text\":\"{ \\\"model\\\":\\\"mock?echo=1\\\",\\\"x\\\":\\\"\\\\n\\\"}\"");
}

static void test_structured_text(void **state)
{
    static const char *const members[] = {
        "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":" WEATHER "}}",
        "\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":" WEATHER "}}",
        "\"text\":{\"format\":{\"type\":\"json_schema\",\"schema\":" WEATHER "}}"};
    static const struct mock_dialect *const spoken[] = {&mock_chat, &mock_messages,
                                                        &mock_responses};
    char body[512];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        snprintf(body, sizeof(body), "{\"model\":\"mock?json=1\",%s}", members[i]);
        expect(spoken[i], body, ":\"{\\\"city\\\":\\\"text\\\"}\"", true);
    }
    HAS(mock_messages, "{\"model\":\"mock?json=1\"}", "{\\\"answer\\\":\\\"text\\\"}");
}

static void test_characters_are_not_cut(void **state)
{
    (void)state; /* 3 bytes, then 4 */
    HAS(mock_chat, STREAM("chunks=2&text=%E4%BD%A0%F0%9F%91%8B"), "{\"content\":\"\xe4\xbd\xa0\"}");
    HAS(mock_chat, STREAM("chunks=2&text=%E4%BD%A0%F0%9F%91%8B"),
        "{\"content\":\"\xf0\x9f\x91\x8b\"}");
}

static void test_completions(void **state)
{
    (void)state;
    HAS(mock_completions, ASK("text=hi"),
        "\"choices\":[{\"text\":\"hi\",\"index\":0,\"logprobs\":null,\"finish_reason\":\"stop\"}]");
    HAS(mock_completions, STREAM("chunks=1&text=hi"), "{\"text\":\"hi\",");
    HAS(mock_completions, STREAM("chunks=1"), "data: [DONE]\n\n\r\n0\r\n\r\n");
    LACKS(mock_completions, STREAM("chunks=1"), "usage");
    HAS(mock_completions,
        "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}",
        "\"choices\":[],\"usage\":{\"prompt_tokens\":9");
}

static void test_embeddings(void **state)
{
    (void)state;
    HAS(mock_embeddings, "{\"model\":\"m?dimensions=3\",\"input\":\"one\"}",
        "\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":[-1,-0.829999983,"
        "-0.659999967]}],\"model\":\"m\",\"usage\":{\"prompt_tokens\":9,\"total_tokens\":9}}");
    HAS(mock_embeddings, "{\"model\":\"m\",\"input\":[\"a\",\"b\"],\"dimensions\":1}",
        "\"index\":1,\"embedding\":[-0.689999998]}]");
    LACKS(mock_embeddings, "{\"model\":\"m\",\"input\":[1,2,3]}", "\"index\":1");
    HAS(mock_embeddings, "{\"model\":\"m\",\"input\":[[1],[2]]}", "\"index\":1");
    HAS(mock_embeddings,
        "{\"model\":\"m?dimensions=1\",\"input\":\"a\",\"encoding_format\":\"base64\"}",
        "\"embedding\":\"AACAvw==\"");
    HAS(mock_embeddings, "{\"model\":\"m\",\"input\":\"a\",\"stream\":true}", "application/json");
}

static void test_responses(void **state)
{
    static const char *const order[] = {
        "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,",
        "\"status\":\"in_progress\"",
        "event: response.in_progress\n",
        "event: response.output_item.added\n",
        "event: response.content_part.added\n",
        "event: response.output_text.delta\n",
        "\"delta\":\"a\"",
        "\"delta\":\"b\"",
        "event: response.output_text.done\n",
        "\"text\":\"ab\"",
        "event: response.content_part.done\n",
        "event: response.output_item.done\n",
        "event: response.completed\n",
        "\"sequence_number\":9",
        "\"status\":\"completed\"",
        ("\"usage\":{\"input_tokens\":9,\"input_tokens_details\":{\"cached_tokens\":0},"
         "\"output_tokens\":12,"),
    };

    (void)state;
    expect_order(&mock_responses, STREAM("chunks=2&text=ab"), order, ARRAY_LEN(order));
    HAS(mock_responses, STREAM("incomplete=1"), "event: response.incomplete\n");
    HAS(mock_responses, STREAM("failed=1"), "event: response.failed\n");
    HAS(mock_responses, STREAM("error_after=1"), "event: error\ndata: {\"type\":\"error\",");
    LACKS(mock_responses, STREAM("no_done=1"), "event: response.completed");
    LACKS(mock_responses, STREAM(""), "[DONE]");
    HAS(mock_responses, ASK("incomplete=1"),
        "\"incomplete_details\":{\"reason\":\"max_output_tokens\"}");
    HAS(mock_responses, ASK("failed=1"), "\"status\":\"failed\",\"error\":{\"code\":");
    HAS(mock_responses, ASK("text=hi"), "{\"type\":\"output_text\",\"text\":\"hi\"");
}

/* Each run of bytes that begins a line with a brace is valid JSON. */
static size_t check_json(struct slice all, const char *body)
{
    struct json_error error;
    size_t n = 0;

    while (all.len) {
        struct slice line = slice_cut(&all, '\n');
        if (slice_starts(line, SLICE("data: ")))
            line = slice_sub(line, 6, line.len);
        if (!slice_starts(line, SLICE("{")))
            continue;
        n++;
        if (!json_is_valid(line, &error))
            fail_msg("%s\nno JSON: %.*s", body, SLICE_FMT(line));
    }
    return n;
}

static void test_all_of_it_is_json(void **state)
{
    static const char *const bodies[] = {
        ASK(""),
        STREAM(""),
        ASK("tool=3&thinking=1&redacted=1&text=a%22%5C%0A%00b"),
        STREAM("tool=3&thinking=1&redacted=1&text=a%22%5C%0A%00b"),
        STREAM("tool=1&arguments=&chunks=40"),
        STREAM("usage_in_last=1"),
        ASK("no_usage=1&no_finish=1"),
        STREAM("no_usage=1&no_finish=1&no_done=1"),
        ASK("stop=a%22b"),
        STREAM("error_after=0&type=a%22b&code=%22"),
        ASK("echo=1"),
        STREAM("echo=1&chunks=30"),
        STREAM("json=1"),
        ASK("bytes=4096"),
        STREAM("bytes=4096&chunks=7"),
        STREAM("failed=1"),
        ASK("failed=1&code=x"),
        STREAM("incomplete=1"),
        ASK("status=418"),
        "{\"model\":\"m\",\"input\":[\"a\",\"b\"],\"encoding_format\":\"base64\"}",
        "{\"model\":\"m\",\"input\":[]}",
        "{\"model\":\"m\",\"input\":\"a\",\"dimensions\":0}",
        "{\"model\":\"m?tool=1\",\"tools\":[1,null]}",
        "{\"model\":\"m?tool=1\",\"tools\":[{\"name\":7}],\"messages\":[1],\"stream\":true}",
    };

    (void)state;
    for (size_t d = 0; d < ARRAY_LEN(dialects); d++)
        for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
            struct mock_script *s = script_of(dialects[d], bodies[i]);
            struct buf all;
            join(s, &all);
            assert_true(check_json(buf_slice(&all), bodies[i]) > 0);
            buf_free(&all);
            mock_script_unref(s);
        }
}

static void test_sizes(void **state)
{
    static const struct mock_dialect *const sized[] = {&mock_chat, &mock_messages,
                                                       &mock_completions, &mock_responses};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sized); i++) {
        struct mock_script *s = script_of(sized[i], ASK("bytes=4096"));
        struct buf all;
        join(s, &all);
        size_t head = slice_find(buf_slice(&all), SLICE("\r\n\r\n")) + 4;
        assert_int_equal(all.len - head, 4096);
        buf_free(&all);
        mock_script_unref(s);
    }
}

/* A fault ends any stream at the same place: so many events before, none behind. */
static void test_faults_in_any_dialect(void **state)
{
    static const struct {
        const char *body;
        enum mock_act act;
    } cases[] = {
        {STREAM("cut_after=2"),            MOCK_CLOSE},
        {STREAM("reset_after=2"),          MOCK_RESET},
        {STREAM("stall_after=2"),          MOCK_HOLD },
        {STREAM("stall_end=1"),            MOCK_HOLD },
        {STREAM("fault=malformed_chunk"),  MOCK_CLOSE},
        {STREAM("fault=reset_after_head"), MOCK_RESET},
        {ASK("fault=silent"),              MOCK_HOLD },
        {ASK("fault=half_head"),           MOCK_CLOSE},
        {ASK("cut_after=0"),               MOCK_CLOSE}
    };

    (void)state;
    for (size_t d = 0; d < ARRAY_LEN(dialects); d++)
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            if (i < 5 && !dialects[d]->events)
                continue;
            struct mock_script *s = script_of(dialects[d], cases[i].body);
            assert_non_null(s);
            assert_int_equal(s->steps[s->len - 1].act, cases[i].act);
            mock_script_unref(s);
        }
}

static void test_out_of_memory(void **state)
{
    static const char *const bodies[] = {ASK("tool=2&thinking=1"), STREAM("tool=2&thinking=1"),
                                         STREAM("echo=1"), ASK("status=500"),
                                         "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}"};

    (void)state;
    for (size_t d = 0; d < ARRAY_LEN(dialects); d++)
        for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
            for (unsigned n = 1;; n++) {
                alloc_fail_at(n);
                struct mock_script *s = script_of(dialects[d], bodies[i]);
                bool hit = alloc_fail_hit();
                alloc_fail_at(0);
                assert_true(!s == hit); /* all of it, or nothing */
                mock_script_unref(s);
                if (!hit)
                    break;
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_whole),
        cmocka_unit_test(test_messages_events),
        cmocka_unit_test(test_messages_errors),
        cmocka_unit_test(test_messages_insist_on_headers),
        cmocka_unit_test(test_chat_calls),
        cmocka_unit_test(test_no_call_behind_a_result),
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_structured_text),
        cmocka_unit_test(test_characters_are_not_cut),
        cmocka_unit_test(test_completions),
        cmocka_unit_test(test_embeddings),
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_all_of_it_is_json),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_faults_in_any_dialect),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
