/* mock_stream.c: a chat answer as server-sent events, with everything that can be odd about them.
 */

#include "app/mock_answer.h"

struct streaming {
    struct mock_writer *w;
    const struct mock_plan *plan;
    const struct mock_ask *ask;
    const char *eol;
    struct buf event, frame;
};

static void write_out(struct streaming *s, struct slice bytes)
{
    if (s->plan->framing == MOCK_CLOSED)
        mock_write_bytes(s->w, bytes);
    else
        mock_write_chunk(s->w, bytes);
}

/* One event around its data. JSON may be broken over two data lines behind its first brace. */
static void write_event(struct streaming *s, struct slice text)
{
    buf_reset(&s->frame);
    if (s->plan->comments)
        buf_printf(&s->frame, ": keep-alive%s%s", s->eol, s->eol);
    if (s->plan->multi_line && text.at[0] == '{') {
        buf_printf(&s->frame, "data: {%s", s->eol);
        text = slice_sub(text, 1, text.len);
    }
    buf_add(&s->frame, SLICE("data: "));
    buf_add(&s->frame, text);
    buf_printf(&s->frame, "%s%s", s->eol, s->eol);
    write_out(s, buf_slice(&s->frame));
}

static void begin_chunk(struct streaming *s)
{
    buf_reset(&s->event);
    buf_printf(&s->event,
               "{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\","
               "\"created\":1700000000,\"model\":\"%.*s\",\"system_fingerprint\":\"fp_mock\","
               "\"choices\":[",
               SLICE_FMT(mock_model_name(s->ask)));
}

static bool tells_usage(const struct streaming *s)
{
    return s->ask->include_usage && !s->plan->no_usage && !s->plan->usage_in_last;
}

/* delta: the members of the delta */
static void write_delta(struct streaming *s, struct slice before, struct slice text,
                        struct slice after)
{
    begin_chunk(s);
    buf_add(&s->event, SLICE("{\"index\":0,\"delta\":{"));
    buf_add(&s->event, before);
    buf_add(&s->event, text);
    buf_add(&s->event, after);
    buf_add(&s->event, SLICE("},\"logprobs\":null,\"finish_reason\":null}]"));
    if (tells_usage(s))
        buf_add(&s->event, SLICE(",\"usage\":null"));
    buf_add_char(&s->event, '}');
    write_event(s, buf_slice(&s->event));
}

static void write_finish(struct streaming *s)
{
    if (!s->plan->no_finish) {
        begin_chunk(s);
        buf_printf(&s->event,
                   "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"%s\"}]",
                   s->plan->tools ? "tool_calls" : "stop");
        if (s->plan->usage_in_last)
            mock_add_usage(s->plan, &s->event);
        else if (tells_usage(s))
            buf_add(&s->event, SLICE(",\"usage\":null"));
        buf_add_char(&s->event, '}');
        write_event(s, buf_slice(&s->event));
    }
    if (tells_usage(s)) {
        begin_chunk(s);
        buf_add_char(&s->event, ']');
        mock_add_usage(s->plan, &s->event);
        buf_add_char(&s->event, '}');
        write_event(s, buf_slice(&s->event));
    }
}

static void write_terminator(struct streaming *s)
{
    if (s->plan->framing == MOCK_CLOSED)
        mock_act(s->w, MOCK_CLOSE);
    else
        mock_write(s->w, "0\r\n\r\n");
}

/* What the plan has for the place behind n content chunks. False: the stream ends here. */
static bool pass(struct streaming *s, uint64_t n)
{
    const struct mock_plan *plan = s->plan;

    if (plan->garbage_after == n)
        write_event(s, SLICE("this is { no JSON"));
    if (plan->error_after == n) {
        struct mock_plan failed = *plan;
        failed.status = 500;
        buf_reset(&s->event);
        mock_error_object(&failed, SLICE("the mock fails within a stream"), &s->event);
        write_event(s, buf_slice(&s->event));
        write_terminator(s);
        return false;
    }
    if (plan->cut_after != n && plan->reset_after != n && plan->stall_after != n)
        return true;
    mock_act(s->w, plan->cut_after == n     ? MOCK_CLOSE
                   : plan->reset_after == n ? MOCK_RESET
                                            : MOCK_HOLD);
    return false;
}

static void write_piece(struct streaming *s, struct slice piece)
{
    if (s->plan->tools)
        write_delta(s, SLICE("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\""), piece,
                    SLICE("\"}}]"));
    else
        write_delta(s, SLICE("\"content\":\""), piece, SLICE("\""));
}

static void write_opening(struct streaming *s)
{
    if (s->plan->bom)
        write_out(s, SLICE("\xef\xbb\xbf"));
    write_delta(s, SLICE("\"role\":\"assistant\",\"content\":"),
                s->plan->tools ? SLICE("null") : SLICE("\"\""), SLICE(",\"refusal\":null"));
    mock_pause(s->w, s->plan->first_delay);
}

/* What comes with the first content and is not counted among it. */
static void write_prelude(struct streaming *s)
{
    if (s->plan->reasoning)
        write_delta(s, SLICE("\"reasoning_content\":\""), SLICE("Let me think."), SLICE("\""));
    if (s->plan->tools)
        write_delta(s,
                    SLICE("\"tool_calls\":[{\"index\":0,\"id\":\"call_mock\",\"type\":"
                          "\"function\",\"function\":{\"name\":"),
                    mock_tool_name(s->ask), SLICE(",\"arguments\":\"\"}}]"));
}

/* A cut must not fall into an escape, so escaped text moves in one piece. */
static struct slice piece_of(struct slice content, uint64_t i, uint64_t n)
{
    if (slice_find(content, SLICE("\\")) < content.len)
        return i == 0 ? content : SLICE("");
    return mock_piece(content, i, n);
}

static void write_content(struct streaming *s, struct slice content)
{
    uint64_t chunks = s->plan->huge_line ? 1 : s->plan->chunks;

    for (uint64_t i = 0; i < chunks; i++) {
        if (!pass(s, i))
            return;
        if (i == 0)
            write_prelude(s);
        else
            mock_pause(s->w, s->plan->chunk_delay);
        struct slice piece = piece_of(content, i, chunks);
        if (piece.len)
            write_piece(s, piece);
    }
    if (!pass(s, chunks))
        return;
    mock_pause(s->w, s->plan->end_delay);
    write_finish(s);
    if (s->plan->stall_end) {
        mock_act(s->w, MOCK_HOLD);
        return;
    }
    if (!s->plan->no_done)
        write_event(s, SLICE("[DONE]"));
    write_terminator(s);
}

/* Bytes of content to make up so that each chunk has some; 0: the usual text does. */
static uint64_t content_length(const struct mock_plan *plan)
{
    uint64_t wanted = MAX(plan->bytes, plan->huge_line);

    return wanted || plan->chunks > MOCK_TEXT ? MAX(wanted, plan->chunks) : 0;
}

static void write_stream(struct streaming *s)
{
    struct buf content;

    mock_pause(s->w, s->plan->head_delay);
    mock_write(s->w,
               "HTTP/1.1 %u OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
               "cache-control: no-cache\r\nx-request-id: req_mock\r\n%s\r\n\r\n",
               (unsigned)s->plan->status,
               s->plan->framing == MOCK_CLOSED ? "connection: close"
                                               : "transfer-encoding: chunked");
    write_opening(s);
    if (s->plan->fault == MOCK_MALFORMED_CHUNK) {
        mock_write(s->w, "zz\r\nthis is no chunk\r\n");
        mock_act(s->w, MOCK_CLOSE);
        return;
    }
    buf_init(&content, 2 * MOCK_BYTES_MOST);
    mock_add_content(s->plan, s->ask, content_length(s->plan), &content);
    write_content(s, buf_slice(&content));
    buf_free(&content);
}

struct mock_script *mock_stream_script(const struct mock_plan *plan, const struct mock_ask *ask)
{
    struct mock_writer w;
    struct streaming s = {.w = &w, .plan = plan, .ask = ask};

    if (mock_writer_begin(&w) < 0)
        return NULL;
    w.script->split = plan->split;
    s.eol = plan->crlf ? "\r\n" : plan->cr ? "\r" : "\n";
    buf_init(&s.event, 3 * MOCK_BYTES_MOST);
    buf_init(&s.frame, 3 * MOCK_BYTES_MOST);
    write_stream(&s);
    if (s.event.rc < 0 || s.frame.rc < 0)
        w.rc = s.event.rc < 0 ? s.event.rc : s.frame.rc;
    buf_free(&s.event);
    buf_free(&s.frame);
    return mock_writer_end(&w);
}
