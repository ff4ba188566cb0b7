/* mock_stream.c: see mock_stream.h. */

#include "app/mock_stream.h"

#include "app/mock_content.h"

static void write_out(struct mock_stream *s, struct slice bytes)
{
    if (s->answer->plan->framing == MOCK_CLOSED)
        mock_write_bytes(s->w, bytes);
    else
        mock_write_chunk(s->w, bytes);
}

/* JSON may be broken over two data lines behind its first brace. */
void mock_stream_send_text(struct mock_stream *s, const char *name, struct slice text)
{
    const struct mock_plan *plan = s->answer->plan;

    buf_reset(&s->frame);
    if (plan->comments)
        buf_printf(&s->frame, ": keep-alive%s%s", s->eol, s->eol);
    if (name)
        buf_printf(&s->frame, "event: %s%s", name, s->eol);
    if (plan->multi_line && slice_starts(text, SLICE("{"))) {
        buf_printf(&s->frame, "data: {%s", s->eol);
        text = slice_sub(text, 1, text.len);
    }
    buf_add(&s->frame, SLICE("data: "));
    buf_add(&s->frame, text);
    buf_printf(&s->frame, "%s%s", s->eol, s->eol);
    if (s->event.rc < 0 || s->frame.rc < 0)
        s->w->rc = s->event.rc < 0 ? s->event.rc : s->frame.rc;
    write_out(s, buf_slice(&s->frame));
}

void mock_stream_send(struct mock_stream *s, const char *name)
{
    mock_stream_send_text(s, name, buf_slice(&s->event));
    buf_reset(&s->event);
}

static void write_terminator(struct mock_stream *s)
{
    if (s->answer->plan->framing == MOCK_CLOSED)
        mock_act(s->w, MOCK_CLOSE);
    else
        mock_write(s->w, "0\r\n\r\n");
}

/* What the plan has for the place behind n content chunks. False: the stream ends here. */
static bool pass(struct mock_stream *s, uint64_t n)
{
    const struct mock_plan *plan = s->answer->plan;

    if (plan->garbage_after == n)
        mock_stream_send_text(s, NULL, SLICE("this is { no JSON"));
    if (plan->error_after == n) {
        s->answer->dialect->events->fail(s);
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

/* One part: a text, or the arguments of a call. False: the stream ended in it. */
static bool write_part(struct mock_stream *s, struct slice content)
{
    const struct mock_plan *plan = s->answer->plan;
    const struct mock_events *events = s->answer->dialect->events;
    uint64_t chunks = plan->huge_line ? 1 : plan->chunks;

    for (uint64_t i = 0; i < chunks; i++) {
        uint64_t n = s->part * chunks + i;
        if (!pass(s, n))
            return false;
        if (n > 0)
            mock_pause(s->w, plan->chunk_delay);
        else if (events->before)
            events->before(s);
        if (i == 0 && events->begin)
            events->begin(s, s->part);
        struct slice piece = mock_text_piece(content, i, chunks);
        if (piece.len)
            events->piece(s, piece);
    }
    if (events->end)
        events->end(s);
    return s->part + 1 < s->answer->calls || pass(s, (s->part + 1) * chunks);
}

static bool write_parts(struct mock_stream *s)
{
    struct buf arguments;
    bool on = true;

    if (s->answer->calls == 0)
        return write_part(s, s->answer->content);
    buf_init(&arguments, MOCK_BYTES_MOST);
    for (; on && s->part < s->answer->calls; s->part++) {
        buf_reset(&arguments);
        mock_add_arguments(s->answer, s->part, &arguments);
        if (arguments.rc < 0)
            s->w->rc = arguments.rc;
        on = write_part(s, buf_slice(&arguments));
    }
    buf_free(&arguments);
    return on;
}

static void write_end(struct mock_stream *s)
{
    const struct mock_plan *plan = s->answer->plan;

    mock_pause(s->w, plan->end_delay);
    s->answer->dialect->events->finish(s);
    if (plan->stall_end) {
        mock_act(s->w, MOCK_HOLD);
        return;
    }
    if (!plan->no_done)
        s->answer->dialect->events->done(s);
    write_terminator(s);
}

static void write_head(struct mock_stream *s)
{
    const struct mock_plan *plan = s->answer->plan;

    mock_pause(s->w, plan->head_delay);
    mock_write(s->w,
               "HTTP/1.1 %u OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
               "cache-control: no-cache\r\n%s: req_mock\r\n%s\r\n\r\n",
               (unsigned)plan->status, s->answer->dialect->names.request_id,
               plan->framing == MOCK_CLOSED ? "connection: close" : "transfer-encoding: chunked");
}

static void write_stream(struct mock_stream *s)
{
    const struct mock_plan *plan = s->answer->plan;
    const struct mock_events *events = s->answer->dialect->events;

    write_head(s);
    if (plan->bom)
        write_out(s, SLICE("\xef\xbb\xbf"));
    if (events->open)
        events->open(s);
    mock_pause(s->w, plan->first_delay);
    if (plan->fault == MOCK_MALFORMED_CHUNK) {
        mock_write(s->w, "zz\r\nthis is no chunk\r\n");
        mock_act(s->w, MOCK_CLOSE);
    } else if (write_parts(s)) {
        write_end(s);
    }
}

/* Bytes of text to make up so that each chunk has some; 0: the usual text does. */
static uint64_t content_length(const struct mock_plan *plan)
{
    uint64_t wanted = MAX(plan->bytes, plan->huge_line);

    return wanted || plan->chunks > MOCK_TEXT ? MAX(wanted, plan->chunks) : 0;
}

struct mock_script *mock_stream_script(const struct mock_answer *a)
{
    struct mock_answer answer = *a;
    struct mock_writer w;
    struct mock_stream s = {.answer = &answer, .w = &w};
    struct buf content;

    if (mock_writer_begin(&w) < 0)
        return NULL;
    w.script->split = a->plan->split;
    s.eol = a->plan->crlf ? "\r\n" : a->plan->cr ? "\r" : "\n";
    buf_init(&s.event, 3 * MOCK_BYTES_MOST);
    buf_init(&s.frame, 3 * MOCK_BYTES_MOST);
    buf_init(&content, 2 * MOCK_BYTES_MOST);
    mock_add_content(a, content_length(a->plan), &content);
    answer.content = buf_slice(&content);
    write_stream(&s);
    if (content.rc < 0)
        w.rc = content.rc;
    buf_free(&content);
    buf_free(&s.event);
    buf_free(&s.frame);
    return mock_writer_end(&w);
}
