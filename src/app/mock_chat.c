/* mock_chat.c: what a request asks, and the whole answers: a body, an error, the list of models. */

#include "app/mock_chat.h"

#include "app/mock_answer.h"

enum { ASK_MODEL, ASK_STREAM, ASK_STREAM_OPTIONS, ASK_TOOLS, ASK_RESPONSE_FORMAT, ASK_MEMBERS };

bool mock_chat_read(struct slice body, struct mock_ask *ret)
{
    static const struct json_member wanted[ASK_MEMBERS] = {
        {SLICE_INIT("model")}, {SLICE_INIT("stream")},          {SLICE_INIT("stream_options")},
        {SLICE_INIT("tools")}, {SLICE_INIT("response_format")},
    };
    static const struct json_member usage_wanted = {SLICE_INIT("include_usage")};
    struct json_value m[ASK_MEMBERS], usage = {0};
    struct json_error error;

    *ret = (struct mock_ask){0};
    if (!json_scan(body, wanted, ASK_MEMBERS, m, &error) || !json_plain(m[ASK_MODEL], &ret->model))
        return false;
    json_bool(m[ASK_STREAM], &ret->stream);
    if (m[ASK_STREAM_OPTIONS].type == JSON_OBJECT)
        json_members(m[ASK_STREAM_OPTIONS].text, &usage_wanted, 1, &usage);
    json_bool(usage, &ret->include_usage);
    ret->tools = m[ASK_TOOLS];
    ret->response_format = m[ASK_RESPONSE_FORMAT];
    return true;
}

static const char *reason_of(uint64_t status)
{
    return status < 300 ? "OK" : status < 400 ? "Elsewhere" : status < 500 ? "Refused" : "Failed";
}

static void write_head(struct mock_writer *w, const struct mock_plan *plan, struct slice type)
{
    mock_write(w, "HTTP/1.1 %u %s\r\ncontent-type: %.*s\r\nx-request-id: req_mock\r\n",
               (unsigned)plan->status, reason_of(plan->status), SLICE_FMT(type));
    if (plan->retry_after)
        mock_write(w, "retry-after: %u\r\n", (unsigned)plan->retry_after);
    if (plan->retry_after_ms)
        mock_write(w, "retry-after-ms: %u\r\n", (unsigned)plan->retry_after_ms);
    if (plan->reset_requests.len)
        mock_write(w, "x-ratelimit-reset-requests: %.*s\r\n", SLICE_FMT(plan->reset_requests));
    if (plan->reset_tokens.len)
        mock_write(w, "x-ratelimit-reset-tokens: %.*s\r\n", SLICE_FMT(plan->reset_tokens));
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

static void write_answer(struct mock_writer *w, const struct mock_plan *plan, struct slice type,
                         struct slice body)
{
    write_head(w, plan, type);
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

struct mock_script *mock_chat_error(const struct mock_plan *plan, struct slice message)
{
    struct mock_writer w;
    struct buf body;

    if (mock_writer_begin(&w) < 0)
        return NULL;
    buf_init(&body, 1 << 20);
    mock_error_object(plan, message, &body);
    mock_pause(&w, plan->head_delay);
    write_answer(&w, plan, SLICE("application/json"), buf_slice(&body));
    buf_free(&body);
    return mock_writer_end(&w);
}

struct mock_script *mock_plain_script(struct slice content_type, struct slice body)
{
    struct mock_plan plan;
    struct mock_writer w;

    if (mock_writer_begin(&w) < 0)
        return NULL;
    mock_plan_init(&plan);
    write_answer(&w, &plan, content_type, body);
    return mock_writer_end(&w);
}

struct mock_script *mock_chat_models(void)
{
    return mock_plain_script(SLICE("application/json"),
                             SLICE("{\"object\":\"list\",\"data\":[{\"id\":\"mock\",\"object\":"
                                   "\"model\",\"created\":1700000000,\"owned_by\":\"mock\"}]}"));
}

/* Everything around the content, which is escaped already. */
static void build_body(const struct mock_plan *plan, const struct mock_ask *ask,
                       struct slice content, struct buf *ret)
{
    buf_printf(ret,
               "{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion\",\"created\":1700000000,"
               "\"model\":\"%.*s\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
               "\"content\":",
               SLICE_FMT(mock_model_name(ask)));
    if (plan->tools) {
        buf_add(ret, SLICE("null,\"refusal\":null,\"tool_calls\":[{\"id\":\"call_mock\","
                           "\"type\":\"function\",\"function\":{\"name\":"));
        buf_add(ret, mock_tool_name(ask));
        buf_add(ret, SLICE(",\"arguments\":\""));
        buf_add(ret, content);
        buf_add(ret, SLICE("\"}}]}"));
    } else {
        buf_add_char(ret, '"');
        buf_add(ret, content);
        buf_add(ret, SLICE("\",\"refusal\":null"));
        if (plan->reasoning)
            buf_add(ret, SLICE(",\"reasoning_content\":\"Let me think.\""));
        buf_add_char(ret, '}');
    }
    buf_printf(ret, ",\"logprobs\":null,\"finish_reason\":%s}]",
               plan->no_finish ? "null"
               : plan->tools   ? "\"tool_calls\""
                               : "\"stop\"");
    if (!plan->no_usage)
        mock_add_usage(plan, ret);
    buf_add(ret, SLICE(",\"system_fingerprint\":\"fp_mock\"}"));
}

/* Content that is made up is as long as is left of plan->bytes. */
static void build_whole(const struct mock_plan *plan, const struct mock_ask *ask, struct buf *ret)
{
    struct buf content;
    uint64_t around = 0;

    buf_init(&content, 2 * MOCK_BYTES_MOST);
    if (plan->bytes) {
        build_body(plan, ask, SLICE(""), ret);
        around = ret->len;
        buf_reset(ret);
    }
    mock_add_content(plan, ask, plan->bytes > around ? plan->bytes - around : 0, &content);
    build_body(plan, ask, buf_slice(&content), ret);
    buf_free(&content);
}

static struct mock_script *whole_script(const struct mock_plan *plan, const struct mock_ask *ask)
{
    struct mock_writer w;
    struct buf body;

    if (mock_writer_begin(&w) < 0)
        return NULL;
    w.script->split = plan->split;
    buf_init(&body, 2 * MOCK_BYTES_MOST + 4096);
    build_whole(plan, ask, &body);
    mock_pause(&w, plan->head_delay);
    struct slice whole = buf_slice(&body);
    if (plan->fault == MOCK_HALF_JSON)
        whole = slice_sub(whole, 0, whole.len / 2);
    write_answer(&w, plan, SLICE("application/json"), whole);
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

struct mock_script *mock_chat_script(const struct mock_plan *plan, const struct mock_ask *ask)
{
    switch (plan->fault) {
    case MOCK_NO_FAULT:
    case MOCK_HALF_JSON:
        break;
    case MOCK_EMPTY:
        return mock_plain_script(SLICE("application/json"), SLICE(""));
    case MOCK_HTML:
        return mock_plain_script(SLICE("text/html"), SLICE("<html>Welcome</html>"));
    case MOCK_ERROR_200: {
        struct mock_plan broken = *plan;
        broken.status = 200;
        return mock_chat_error(&broken, SLICE("the mock fails with status 200"));
    }
    case MOCK_MALFORMED_CHUNK:
        return mock_stream_script(plan, ask);
    default:
        return fault_script(plan, ask->stream);
    }
    if (plan->status >= 400)
        return mock_chat_error(plan, SLICE("the mock was told to fail"));
    return ask->stream ? mock_stream_script(plan, ask) : whole_script(plan, ask);
}
