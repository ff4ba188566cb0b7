/* mock_chat.c: POST …/chat/completions. */

#include "app/mock_chat.h"

#include "app/mock_content.h"
#include "app/mock_stream.h"

#define THOUGHT "Let me think."

void mock_chat_add_usage(const struct mock_plan *plan, struct buf *ret)
{
    unsigned long long total = plan->prompt_tokens + plan->completion_tokens;

    buf_printf(
        ret,
        ",\"usage\":{\"prompt_tokens\":%llu,\"completion_tokens\":%llu,\"total_tokens\":%llu,"
        "\"prompt_tokens_details\":{\"cached_tokens\":%llu,\"audio_tokens\":0},"
        "\"completion_tokens_details\":{\"reasoning_tokens\":%llu,\"audio_tokens\":0,"
        "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}",
        (unsigned long long)plan->prompt_tokens, (unsigned long long)plan->completion_tokens, total,
        (unsigned long long)plan->cached_tokens, (unsigned long long)plan->reasoning_tokens);
}

static const char *type_of(uint64_t status)
{
    return status == 429   ? "requests"
           : status == 529 ? "overloaded_error"
           : status >= 500 ? "server_error"
                           : "invalid_request_error";
}

static const char *code_of(uint64_t status)
{
    switch (status) {
    case 401:
        return "\"invalid_api_key\"";
    case 404:
        return "\"model_not_found\"";
    case 429:
        return "\"rate_limit_exceeded\"";
    default:
        return "null";
    }
}

void mock_chat_error(const struct mock_plan *plan, struct slice message, struct buf *ret)
{
    buf_add(ret, SLICE("{\"error\":{\"message\":"));
    mock_add_string(message, ret);
    buf_add(ret, SLICE(",\"type\":"));
    mock_add_string(plan->type.len ? plan->type : slice_str(type_of(plan->status)), ret);
    buf_add(ret, SLICE(",\"param\":null,\"code\":"));
    if (plan->code.len)
        mock_add_string(plan->code, ret);
    else
        buf_printf(ret, "%s", code_of(plan->status));
    buf_add(ret, SLICE("}}"));
}

/* The members of a call but for its arguments, which follow. */
static void begin_call(const struct mock_answer *a, uint64_t call, struct buf *ret)
{
    buf_add(ret, SLICE("\"id\":\""));
    mock_add_call_id("call_mock", call, ret);
    buf_add(ret, SLICE("\",\"type\":\"function\",\"function\":{\"name\":"));
    buf_add(ret, mock_call_name(a, call));
    buf_add(ret, SLICE(",\"arguments\":"));
}

static void add_calls(const struct mock_answer *a, struct buf *ret)
{
    struct buf arguments;

    buf_init(&arguments, MOCK_BYTES_MOST);
    for (uint64_t i = 0; i < a->calls; i++) {
        buf_reset(&arguments);
        mock_add_arguments(a, i, &arguments);
        buf_add(ret, i == 0 ? SLICE(",\"tool_calls\":[{") : SLICE(",{"));
        begin_call(a, i, ret);
        mock_add_string(buf_slice(&arguments), ret);
        buf_add(ret, SLICE("}}"));
        if (arguments.rc < 0)
            ret->rc = arguments.rc;
    }
    if (a->calls)
        buf_add_char(ret, ']');
    buf_free(&arguments);
}

static void add_content(const struct mock_answer *a, struct buf *ret)
{
    if (a->calls && a->content.len == 0)
        buf_add(ret, SLICE("null"));
    else
        mock_add_string(a->content, ret);
}

static void whole(const struct mock_answer *a, struct buf *ret)
{
    buf_printf(ret,
               "{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion\",\"created\":1700000000,"
               "\"model\":\"%.*s\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
               "\"content\":",
               SLICE_FMT(mock_ask_model(a->ask)));
    add_content(a, ret);
    buf_add(ret, SLICE(",\"refusal\":null"));
    if (a->plan->thinking)
        buf_add(ret, SLICE(",\"reasoning_content\":\"" THOUGHT "\""));
    add_calls(a, ret);
    buf_add(ret, SLICE("},\"logprobs\":null,\"finish_reason\":"));
    mock_add_stop(a, a->calls ? "tool_calls" : "stop", ret);
    buf_add(ret, SLICE("}]"));
    if (!a->plan->no_usage)
        mock_chat_add_usage(a->plan, ret);
    buf_add(ret, SLICE(",\"system_fingerprint\":\"fp_mock\"}"));
}

static void begin_chunk(struct mock_stream *s)
{
    buf_printf(&s->event,
               "{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\","
               "\"created\":1700000000,\"model\":\"%.*s\",\"system_fingerprint\":\"fp_mock\","
               "\"choices\":[",
               SLICE_FMT(mock_ask_model(s->answer->ask)));
}

static bool tells_usage(const struct mock_stream *s)
{
    const struct mock_plan *plan = s->answer->plan;

    return s->answer->ask->include_usage && !plan->no_usage && !plan->usage_in_last;
}

/* What follows is inside the delta. */
static void begin_delta(struct mock_stream *s)
{
    begin_chunk(s);
    buf_add(&s->event, SLICE("{\"index\":0,\"delta\":{"));
}

static void send_delta(struct mock_stream *s)
{
    buf_add(&s->event, SLICE("},\"logprobs\":null,\"finish_reason\":null}]"));
    if (tells_usage(s))
        buf_add(&s->event, SLICE(",\"usage\":null"));
    buf_add_char(&s->event, '}');
    mock_stream_send(s, NULL);
}

static void send_text(struct mock_stream *s, const char *member, struct slice text)
{
    begin_delta(s);
    buf_printf(&s->event, "\"%s\":", member);
    mock_add_string(text, &s->event);
    send_delta(s);
}

static void open_stream(struct mock_stream *s)
{
    begin_delta(s);
    buf_printf(&s->event, "\"role\":\"assistant\",\"content\":%s,\"refusal\":null",
               s->answer->calls ? "null" : "\"\"");
    send_delta(s);
}

static void before(struct mock_stream *s)
{
    if (s->answer->plan->thinking)
        send_text(s, "reasoning_content", SLICE(THOUGHT));
    if (s->answer->calls && s->answer->content.len)
        send_text(s, "content", s->answer->content);
}

static void begin(struct mock_stream *s, uint64_t part)
{
    if (s->answer->calls == 0)
        return;
    begin_delta(s);
    buf_printf(&s->event, "\"tool_calls\":[{\"index\":%u,", (unsigned)part);
    begin_call(s->answer, part, &s->event);
    buf_add(&s->event, SLICE("\"\"}}]"));
    send_delta(s);
}

static void piece(struct mock_stream *s, struct slice text)
{
    if (s->answer->calls == 0) {
        send_text(s, "content", text);
        return;
    }
    begin_delta(s);
    buf_printf(&s->event,
               "\"tool_calls\":[{\"index\":%u,\"function\":{\"arguments\":", (unsigned)s->part);
    mock_add_string(text, &s->event);
    buf_add(&s->event, SLICE("}}]"));
    send_delta(s);
}

static void finish(struct mock_stream *s)
{
    if (!s->answer->plan->no_finish) {
        begin_chunk(s);
        buf_add(&s->event, SLICE("{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":"));
        mock_add_stop(s->answer, s->answer->calls ? "tool_calls" : "stop", &s->event);
        buf_add(&s->event, SLICE("}]"));
        if (s->answer->plan->usage_in_last)
            mock_chat_add_usage(s->answer->plan, &s->event);
        else if (tells_usage(s))
            buf_add(&s->event, SLICE(",\"usage\":null"));
        buf_add_char(&s->event, '}');
        mock_stream_send(s, NULL);
    }
    if (tells_usage(s)) {
        begin_chunk(s);
        buf_add_char(&s->event, ']');
        mock_chat_add_usage(s->answer->plan, &s->event);
        buf_add_char(&s->event, '}');
        mock_stream_send(s, NULL);
    }
}

void mock_chat_done(struct mock_stream *s)
{
    mock_stream_send_text(s, NULL, SLICE("[DONE]"));
}

void mock_chat_fail(struct mock_stream *s)
{
    struct mock_plan failed = *s->answer->plan;

    failed.status = 500;
    mock_chat_error(&failed, SLICE("the mock fails within a stream"), &s->event);
    mock_stream_send(s, NULL);
}

static const struct mock_events events = {
    .open = open_stream,
    .before = before,
    .begin = begin,
    .piece = piece,
    .finish = finish,
    .done = mock_chat_done,
    .fail = mock_chat_fail,
};

const struct mock_dialect mock_chat = {
    .letter = 'c',
    .calls_tools = true,
    .names = MOCK_USUAL_HEADERS,
    .error = mock_chat_error,
    .whole = whole,
    .events = &events,
};
