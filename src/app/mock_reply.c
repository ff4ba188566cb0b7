/* mock_reply.c: see mock_reply.h. */

#include "app/mock_reply.h"

#include "app/mock_content.h"
#include "app/mock_stream.h"

static const char *reason_of(uint64_t status)
{
    return status < 300 ? "OK" : status < 400 ? "Elsewhere" : status < 500 ? "Refused" : "Failed";
}

static void write_head(struct mock_writer *w, const struct mock_answer *a, struct slice type)
{
    const struct mock_plan *plan = a->plan;
    const struct mock_header_names *names = &a->dialect->names;

    mock_write(w, "HTTP/1.1 %u %s\r\ncontent-type: %.*s\r\n%s: req_mock\r\n",
               (unsigned)plan->status, reason_of(plan->status), SLICE_FMT(type), names->request_id);
    if (plan->retry_after)
        mock_write(w, "retry-after: %u\r\n", (unsigned)plan->retry_after);
    if (plan->retry_after_ms)
        mock_write(w, "retry-after-ms: %u\r\n", (unsigned)plan->retry_after_ms);
    if (plan->reset_requests.len)
        mock_write(w, "%s: %.*s\r\n", names->reset_requests, SLICE_FMT(plan->reset_requests));
    if (plan->reset_tokens.len)
        mock_write(w, "%s: %.*s\r\n", names->reset_tokens, SLICE_FMT(plan->reset_tokens));
}

/* The body, or its first half when the plan breaks it off. */
static void write_body(struct mock_writer *w, const struct mock_plan *plan, struct slice body)
{
    bool reset = plan->reset_after != MOCK_NEVER, stall = plan->stall_after != MOCK_NEVER;

    if (!reset && !stall && plan->cut_after == MOCK_NEVER) {
        mock_write_bytes(w, body);
        return;
    }
    mock_write_bytes(w, slice_sub(body, 0, body.len / 2));
    mock_act(w, reset ? MOCK_RESET : stall ? MOCK_HOLD : MOCK_CLOSE);
}

static void write_chunks(struct mock_writer *w, const struct mock_plan *plan, struct slice body)
{
    for (uint64_t i = 0; i < plan->chunks; i++) {
        struct slice piece = mock_piece(body, i, plan->chunks);
        if (i > 0)
            mock_pause(w, plan->chunk_delay);
        if (piece.len)
            mock_write_chunk(w, piece);
    }
    mock_write(w, "0\r\n\r\n");
}

static void write_answer(struct mock_writer *w, const struct mock_answer *a, struct slice type,
                         struct slice body)
{
    const struct mock_plan *plan = a->plan;

    write_head(w, a, type);
    if (plan->framing == MOCK_CHUNKED) {
        mock_write(w, "transfer-encoding: chunked\r\n\r\n");
        mock_pause(w, plan->first_delay);
        write_chunks(w, plan, body);
        return;
    }
    if (plan->framing == MOCK_CLOSED)
        mock_write(w, "connection: close\r\n\r\n");
    else
        mock_write(w, "content-length: %zu\r\n\r\n", body.len);
    mock_pause(w, plan->first_delay);
    write_body(w, plan, body);
    if (plan->framing == MOCK_CLOSED)
        mock_act(w, MOCK_CLOSE);
}

struct mock_script *mock_reply_error(const struct mock_dialect *dialect,
                                     const struct mock_plan *plan, struct slice message)
{
    struct mock_answer answer = {.dialect = dialect, .plan = plan};
    struct mock_writer w;
    struct buf body;

    if (mock_writer_begin(&w) < 0)
        return NULL;
    buf_init(&body, 1 << 20);
    dialect->error(plan, message, &body);
    mock_pause(&w, plan->head_delay);
    write_answer(&w, &answer, SLICE("application/json"), buf_slice(&body));
    if (body.rc < 0)
        w.rc = body.rc;
    buf_free(&body);
    return mock_writer_end(&w);
}

struct mock_script *mock_reply_plain(struct slice content_type, struct slice body)
{
    struct mock_plan plan;
    struct mock_answer answer = {.dialect = &mock_chat, .plan = &plan};
    struct mock_writer w;

    if (mock_writer_begin(&w) < 0)
        return NULL;
    mock_plan_init(&plan);
    write_answer(&w, &answer, content_type, body);
    return mock_writer_end(&w);
}

/* A text that is made up is as long as is left of plan->bytes. */
static void build_whole(struct mock_answer *a, struct buf *ret)
{
    struct buf content;
    uint64_t around = 0;

    buf_init(&content, 2 * MOCK_BYTES_MOST);
    if (a->plan->bytes) {
        a->dialect->whole(a, ret);
        around = ret->len;
        buf_reset(ret);
    }
    mock_add_content(a, a->plan->bytes > around ? a->plan->bytes - around : 0, &content);
    a->content = buf_slice(&content);
    a->dialect->whole(a, ret);
    if (content.rc < 0)
        ret->rc = content.rc;
    buf_free(&content);
}

static struct mock_script *whole_script(struct mock_answer *a)
{
    struct mock_writer w;
    struct buf body;

    if (mock_writer_begin(&w) < 0)
        return NULL;
    w.script->split = a->plan->split;
    buf_init(&body, 3 * MOCK_BYTES_MOST);
    build_whole(a, &body);
    mock_pause(&w, a->plan->head_delay);
    struct slice whole = buf_slice(&body);
    if (a->plan->fault == MOCK_HALF_JSON)
        whole = slice_sub(whole, 0, whole.len / 2);
    write_answer(&w, a, SLICE("application/json"), whole);
    if (body.rc < 0)
        w.rc = body.rc;
    buf_free(&body);
    return mock_writer_end(&w);
}

static bool resets(const struct mock_plan *plan)
{
    return plan->fault == MOCK_RESET_BEFORE_HEAD || plan->fault == MOCK_RESET_AFTER_HEAD;
}

/* What goes wrong at the head. */
static struct mock_script *fault_script(const struct mock_plan *plan, bool stream)
{
    struct mock_writer w;

    if (mock_writer_begin(&w) < 0)
        return NULL;
    mock_pause(&w, plan->head_delay);
    if (plan->fault == MOCK_HALF_HEAD)
        mock_write(&w, "HTTP/1.1 200 OK\r\ncontent-ty");
    if (plan->fault == MOCK_MALFORMED_HEAD)
        mock_write(&w, "HTTP/1.1 twohundred\r\n\x01no colon here\r\n\r\n");
    if (plan->fault == MOCK_CLOSE_AFTER_HEAD || plan->fault == MOCK_RESET_AFTER_HEAD)
        mock_write(&w, "HTTP/1.1 200 OK\r\n%s\r\n\r\n",
                   stream ? "content-type: text/event-stream\r\ntransfer-encoding: chunked"
                          : "content-type: application/json\r\ncontent-length: 1000");
    mock_act(&w, plan->fault == MOCK_SILENT ? MOCK_HOLD : resets(plan) ? MOCK_RESET : MOCK_CLOSE);
    return mock_writer_end(&w);
}

struct mock_script *mock_reply(const struct mock_dialect *dialect, const struct mock_plan *plan,
                               const struct mock_ask *ask)
{
    struct mock_answer answer = {.dialect = dialect, .plan = plan, .ask = ask};
    bool stream = (ask->stream || plan->fault == MOCK_MALFORMED_CHUNK) && dialect->events;

    switch (plan->fault) {
    case MOCK_NO_FAULT:
    case MOCK_HALF_JSON:
    case MOCK_MALFORMED_CHUNK:
        break;
    case MOCK_EMPTY:
        return mock_reply_plain(SLICE("application/json"), SLICE(""));
    case MOCK_HTML:
        return mock_reply_plain(SLICE("text/html"), SLICE("<html>Welcome</html>"));
    case MOCK_ERROR_200: {
        struct mock_plan broken = *plan;
        broken.status = 200;
        return mock_reply_error(dialect, &broken, SLICE("the mock fails with status 200"));
    }
    default:
        return fault_script(plan, stream);
    }
    if (plan->status >= 400)
        return mock_reply_error(dialect, plan, SLICE("the mock was told to fail"));
    answer.calls = mock_calls(&answer);
    return stream ? mock_stream_script(&answer) : whole_script(&answer);
}

bool mock_reply_reads_body(const struct mock_dialect *dialect, const struct mock_plan *plan)
{
    return dialect->reads_body || plan->tools || plan->json || plan->echo || plan->stop.len;
}
