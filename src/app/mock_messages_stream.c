/* mock_messages_stream.c: a Messages answer as events.
 *
 *   message_start
 *   (content_block_start content_block_delta… content_block_stop)…   ping behind the first start
 *   message_delta message_stop */

#include "app/mock_messages.h"

#include "app/mock_content.h"
#include "app/mock_stream.h"

/* What follows is the block as it begins. */
static void begin_block(struct mock_stream *s)
{
    buf_printf(&s->event, "{\"type\":\"content_block_start\",\"index\":%u,\"content_block\":",
               (unsigned)s->block);
}

static void send_block(struct mock_stream *s)
{
    buf_add_char(&s->event, '}');
    mock_stream_send(s, "content_block_start");
    if (s->block == 0)
        mock_stream_send_text(s, "ping", SLICE("{\"type\":\"ping\"}"));
}

/* A delta of the open block: its type, and the text in its one member. */
static void send_delta(struct mock_stream *s, const char *type, const char *member,
                       struct slice text)
{
    buf_printf(&s->event,
               "{\"type\":\"content_block_delta\",\"index\":%u,\"delta\":{\"type\":\"%s\",\"%s\":",
               (unsigned)s->block, type, member);
    mock_add_string(text, &s->event);
    buf_add(&s->event, SLICE("}}"));
    mock_stream_send(s, "content_block_delta");
}

static void end_block(struct mock_stream *s)
{
    buf_printf(&s->event, "{\"type\":\"content_block_stop\",\"index\":%u}", (unsigned)s->block++);
    mock_stream_send(s, "content_block_stop");
}

static void open_stream(struct mock_stream *s)
{
    const struct mock_plan *plan = s->answer->plan;

    buf_add(&s->event, SLICE("{\"type\":\"message_start\",\"message\":"));
    mock_messages_begin(s->answer, &s->event);
    buf_add(&s->event, SLICE("],\"stop_reason\":null,\"stop_sequence\":null"));
    if (!plan->no_usage) {
        buf_add(&s->event, SLICE(",\"usage\":"));
        mock_messages_add_usage(plan, MIN(plan->completion_tokens, (uint64_t)1), true, &s->event);
    }
    buf_add(&s->event, SLICE("}}"));
    mock_stream_send(s, "message_start");
}

static void begin_text(struct mock_stream *s)
{
    begin_block(s);
    buf_add(&s->event, SLICE("{\"type\":\"text\",\"text\":\"\"}"));
    send_block(s);
}

static void send_thoughts(struct mock_stream *s)
{
    begin_block(s);
    buf_add(&s->event, SLICE("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}"));
    send_block(s);
    for (uint64_t i = 0; i < 2; i++)
        send_delta(s, "thinking_delta", "thinking", mock_piece(SLICE(MOCK_THOUGHT), i, 2));
    send_delta(s, "signature_delta", "signature", SLICE(MOCK_SIGNATURE));
    end_block(s);
}

static void before(struct mock_stream *s)
{
    if (s->answer->plan->thinking)
        send_thoughts(s);
    if (s->answer->plan->redacted) {
        begin_block(s);
        mock_messages_add_redacted(&s->event);
        send_block(s);
        end_block(s);
    }
    if (s->answer->calls && s->answer->content.len) {
        begin_text(s);
        send_delta(s, "text_delta", "text", s->answer->content);
        end_block(s);
    }
}

static void begin(struct mock_stream *s, uint64_t part)
{
    if (s->answer->calls == 0) {
        begin_text(s);
        return;
    }
    begin_block(s);
    mock_messages_begin_call(s->answer, part, &s->event);
    buf_add(&s->event, SLICE("{}}"));
    send_block(s);
    send_delta(s, "input_json_delta", "partial_json", SLICE("")); /* as the real one begins */
}

static void piece(struct mock_stream *s, struct slice text)
{
    if (s->answer->calls)
        send_delta(s, "input_json_delta", "partial_json", text);
    else
        send_delta(s, "text_delta", "text", text);
}

static void finish(struct mock_stream *s)
{
    const struct mock_plan *plan = s->answer->plan;

    buf_add(&s->event, SLICE("{\"type\":\"message_delta\",\"delta\":{"));
    mock_messages_add_stop(s->answer, &s->event);
    buf_add_char(&s->event, '}');
    if (!plan->no_usage) {
        buf_add(&s->event, SLICE(",\"usage\":"));
        mock_messages_add_usage(plan, plan->completion_tokens, plan->usage_in_last, &s->event);
    }
    buf_add_char(&s->event, '}');
    mock_stream_send(s, "message_delta");
}

static void done(struct mock_stream *s)
{
    mock_stream_send_text(s, "message_stop", SLICE("{\"type\":\"message_stop\"}"));
}

static void fail(struct mock_stream *s)
{
    struct mock_plan failed = *s->answer->plan;

    failed.status = 500;
    mock_messages_error(&failed, SLICE("the mock fails within a stream"), &s->event);
    mock_stream_send(s, "error");
}

const struct mock_events mock_messages_events = {
    .open = open_stream,
    .before = before,
    .begin = begin,
    .piece = piece,
    .end = end_block,
    .finish = finish,
    .done = done,
    .fail = fail,
};
