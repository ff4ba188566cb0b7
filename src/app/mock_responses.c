/* mock_responses.c: POST …/responses: one message of one text. */

#include "app/mock_chat.h"
#include "app/mock_content.h"
#include "app/mock_stream.h"

#define ITEM "\"item_id\":\"msg_mock\",\"output_index\":0,\"content_index\":0"

static const char *status_of(const struct mock_plan *plan)
{
    return plan->failed ? "failed" : plan->incomplete ? "incomplete" : "completed";
}

static void add_usage(const struct mock_plan *plan, struct buf *ret)
{
    unsigned long long total = plan->prompt_tokens + plan->completion_tokens;

    buf_printf(ret,
               "{\"input_tokens\":%llu,\"input_tokens_details\":{\"cached_tokens\":%llu},"
               "\"output_tokens\":%llu,\"output_tokens_details\":{\"reasoning_tokens\":%llu},"
               "\"total_tokens\":%llu}",
               (unsigned long long)plan->prompt_tokens, (unsigned long long)plan->cached_tokens,
               (unsigned long long)plan->completion_tokens,
               (unsigned long long)plan->reasoning_tokens, total);
}

static void add_part(struct slice text, struct buf *ret)
{
    buf_add(ret, SLICE("{\"type\":\"output_text\",\"text\":"));
    mock_add_string(text, ret);
    buf_add(ret, SLICE(",\"annotations\":[],\"logprobs\":[]}"));
}

/* text: NULL while there is none. */
static void add_item(const char *status, const struct slice *text, struct buf *ret)
{
    buf_printf(ret,
               "{\"type\":\"message\",\"id\":\"msg_mock\",\"status\":\"%s\","
               "\"role\":\"assistant\",\"content\":[",
               status);
    if (text)
        add_part(*text, ret);
    buf_add(ret, SLICE("]}"));
}

static void add_outcome(const struct mock_plan *plan, const char *status, struct buf *ret)
{
    bool failed = strcmp(status, "failed") == 0, incomplete = strcmp(status, "incomplete") == 0;

    buf_printf(ret, "\"status\":\"%s\",\"error\":", status);
    if (failed) {
        buf_add(ret, SLICE("{\"code\":"));
        mock_add_string(plan->code.len ? plan->code : SLICE("server_error"), ret);
        buf_add(ret, SLICE(",\"message\":\"the mock was told to fail\"}"));
    } else {
        buf_add(ret, SLICE("null"));
    }
    buf_printf(ret, ",\"incomplete_details\":%s",
               incomplete ? "{\"reason\":\"max_output_tokens\"}" : "null");
}

/* The response while it goes on (in_progress) and at its end, when it has its output. */
static void add_response(const struct mock_answer *a, const char *status, struct buf *ret)
{
    bool ended = strcmp(status, "in_progress") != 0;

    buf_add(ret, SLICE("{\"id\":\"resp_mock\",\"object\":\"response\",\"created_at\":1700000000,"));
    add_outcome(a->plan, status, ret);
    buf_printf(ret,
               ",\"instructions\":null,\"max_output_tokens\":null,\"metadata\":{},"
               "\"model\":\"%.*s\",\"output\":[",
               SLICE_FMT(mock_ask_model(a->ask)));
    if (ended && !a->plan->failed)
        add_item(status, &a->content, ret);
    buf_add(ret, SLICE("],\"parallel_tool_calls\":true,\"previous_response_id\":null,"
                       "\"reasoning\":{\"effort\":null,\"summary\":null},\"store\":true,"
                       "\"temperature\":1.0,\"text\":{\"format\":{\"type\":\"text\"}},"
                       "\"tool_choice\":\"auto\",\"tools\":[],\"top_p\":1.0,"
                       "\"truncation\":\"disabled\",\"user\":null,\"usage\":"));
    if (ended && !a->plan->no_usage)
        add_usage(a->plan, ret);
    else
        buf_add(ret, SLICE("null"));
    buf_add_char(ret, '}');
}

static void whole(const struct mock_answer *a, struct buf *ret)
{
    add_response(a, status_of(a->plan), ret);
}

static void begin_event(struct mock_stream *s, const char *name)
{
    buf_printf(&s->event, "{\"type\":\"%s\",\"sequence_number\":%llu,", name,
               (unsigned long long)s->sequence++);
}

static void send_response(struct mock_stream *s, const char *name, const char *status)
{
    begin_event(s, name);
    buf_add(&s->event, SLICE("\"response\":"));
    add_response(s->answer, status, &s->event);
    buf_add_char(&s->event, '}');
    mock_stream_send(s, name);
}

static void send_item(struct mock_stream *s, const char *name, const char *status,
                      const struct slice *text)
{
    begin_event(s, name);
    buf_add(&s->event, SLICE("\"output_index\":0,\"item\":"));
    add_item(status, text, &s->event);
    buf_add_char(&s->event, '}');
    mock_stream_send(s, name);
}

static void send_part(struct mock_stream *s, const char *name, struct slice text)
{
    begin_event(s, name);
    buf_add(&s->event, SLICE(ITEM ",\"part\":"));
    add_part(text, &s->event);
    buf_add_char(&s->event, '}');
    mock_stream_send(s, name);
}

/* member: where the text stands. */
static void send_text(struct mock_stream *s, const char *name, const char *member,
                      struct slice text)
{
    begin_event(s, name);
    buf_printf(&s->event, ITEM ",\"%s\":", member);
    mock_add_string(text, &s->event);
    buf_add(&s->event, SLICE(",\"logprobs\":[]}"));
    mock_stream_send(s, name);
}

static void open_stream(struct mock_stream *s)
{
    send_response(s, "response.created", "in_progress");
    send_response(s, "response.in_progress", "in_progress");
}

static void begin(struct mock_stream *s, uint64_t part)
{
    (void)part; /* there is one */
    send_item(s, "response.output_item.added", "in_progress", NULL);
    send_part(s, "response.content_part.added", SLICE(""));
}

static void piece(struct mock_stream *s, struct slice text)
{
    send_text(s, "response.output_text.delta", "delta", text);
}

static void finish(struct mock_stream *s)
{
    const struct mock_plan *plan = s->answer->plan;

    if (plan->failed)
        return;
    send_text(s, "response.output_text.done", "text", s->answer->content);
    send_part(s, "response.content_part.done", s->answer->content);
    send_item(s, "response.output_item.done", status_of(plan), &s->answer->content);
}

static void done(struct mock_stream *s)
{
    const struct mock_plan *plan = s->answer->plan;

    send_response(s,
                  plan->failed       ? "response.failed"
                  : plan->incomplete ? "response.incomplete"
                                     : "response.completed",
                  status_of(plan));
}

static void fail(struct mock_stream *s)
{
    const struct mock_plan *plan = s->answer->plan;

    begin_event(s, "error");
    buf_add(&s->event, SLICE("\"code\":"));
    mock_add_string(plan->code.len ? plan->code : SLICE("server_error"), &s->event);
    buf_add(&s->event, SLICE(",\"message\":\"the mock fails within a stream\",\"param\":null}"));
    mock_stream_send(s, "error");
}

static const struct mock_events events = {
    .open = open_stream,
    .begin = begin,
    .piece = piece,
    .finish = finish,
    .done = done,
    .fail = fail,
};

const struct mock_dialect mock_responses = {
    .letter = 'r',
    .names = MOCK_USUAL_HEADERS,
    .error = mock_chat_error,
    .whole = whole,
    .events = &events,
};
