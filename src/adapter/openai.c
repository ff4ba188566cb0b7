/* openai.c: a call in OpenAI's dialect to a provider that speaks it.
 *
 * The body passes byte for byte. Only two members are touched, by splicing spans: `model`, when the
 * provider calls it differently, and `stream_options`, so that every stream tells its usage. Key
 * order, white space and number literals survive: providers' prompt caches depend on them. */

#include "adapter/openai.h"
#include "adapter/retry_after.h"

#include "base/buf.h"
#include "wire/openai_chat.h"
#include "wire/openai_error.h"

#include <errno.h>

/* Replace bytes [from, to) of the body by text. */
struct edit {
    size_t from, to;
    struct slice text;
};

enum { EDITS_MAX = 2, QUOTED_MAX = 64 * 1024 };

struct edits {
    struct edit at[EDITS_MAX]; /* in the order of the body */
    size_t len;
};

static void add_edit(struct edits *e, struct edit edit)
{
    size_t i = e->len++;

    for (; i > 0 && e->at[i - 1].from > edit.from; i--)
        e->at[i] = e->at[i - 1];
    e->at[i] = edit;
}

/* The text as a JSON string; .at is NULL when out of memory. */
static struct slice quote(struct arena *a, struct slice text)
{
    struct buf b;

    buf_init(&b, QUOTED_MAX);
    buf_add_char(&b, '"');
    buf_add_json(&b, text);
    buf_add_char(&b, '"');
    struct slice quoted = b.rc == OK ? arena_copy(a, buf_slice(&b)) : (struct slice){0};
    buf_free(&b);
    return quoted;
}

static int edit_model(const struct target *t, const struct call *c, struct arena *a,
                      struct edits *ret)
{
    if (slice_eq(c->model, t->upstream_model))
        return OK;

    struct slice quoted = quote(a, t->upstream_model);
    if (!quoted.at)
        return -ENOMEM;
    add_edit(ret, (struct edit){c->model_span.from, c->model_span.to, quoted});
    return OK;
}

/* include_usage: true, merged into whatever the client sent. */
static struct edit ask_usage(const struct call *c)
{
    struct span options = c->stream_options, flag = c->include_usage_span;
    size_t end = c->body.len;

    if (flag.to > 0)
        return (struct edit){flag.from, flag.to, SLICE("true")};
    if (options.to > 0 && c->stream_options_is_empty)
        return (struct edit){options.from, options.to, SLICE("{\"include_usage\":true}")};
    if (options.to > 0)
        return (struct edit){options.from + 1, options.from + 1, SLICE("\"include_usage\":true,")};

    do
        end--;
    while (c->body.at[end] != '}'); /* the body is an object, with a model in it: a comma is due */
    return (struct edit){end, end, SLICE(",\"stream_options\":{\"include_usage\":true}")};
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Takes the member stream_options out, with the one comma that belongs to it. Its name holds no
 * quote, however it is escaped, so that the quotes around it are found backwards. */
static struct edit drop_options(const struct call *c)
{
    const char *body = c->body.at;
    size_t from = c->stream_options.from, to = c->stream_options.to;

    for (unsigned quotes = 0; quotes < 2;)
        quotes += body[--from] == '"';

    size_t before = from - 1;
    while (is_space(body[before]))
        before--;
    if (body[before] == ',')
        return (struct edit){before, to, {0}};

    while (is_space(body[to]))
        to++;
    return (struct edit){from, body[to] == ',' ? to + 1 : to, {0}};
}

static void edit_stream_options(const struct target *t, const struct call *c, struct edits *ret)
{
    const struct openai_rules *rules = t->adapter->row;

    if (rules->refuses_stream_options) {
        if (c->stream_options.to > 0)
            add_edit(ret, drop_options(c));
    } else if (c->stream && !c->include_usage) {
        add_edit(ret, ask_usage(c));
    }
}

static void add_span(struct http_message *ret, struct slice span)
{
    if (span.len > 0)
        ret->body[ret->body_len++] = span;
}

static void splice(struct slice body, const struct edits *e, struct http_message *ret)
{
    size_t at = 0;

    for (size_t i = 0; i < e->len; i++) {
        add_span(ret, slice_sub(body, at, e->at[i].from));
        add_span(ret, e->at[i].text);
        at = e->at[i].to;
    }
    add_span(ret, slice_sub(body, at, body.len));
}

/* a and b as one text; .at is NULL when out of memory. */
static struct slice join(struct arena *arena, struct slice a, struct slice b)
{
    char *at = arena_alloc(arena, a.len + b.len);

    if (!at)
        return (struct slice){0};
    if (a.len > 0)
        memcpy(at, a.at, a.len);
    if (b.len > 0)
        memcpy(at + a.len, b.at, b.len);
    return slice_of(at, a.len + b.len);
}

static int add_authorization(const struct target *t, struct arena *a, struct headers *ret)
{
    if (secret_is_empty(t->api_key))
        return OK;

    struct slice value = join(a, SLICE("Bearer "), secret_reveal(t->api_key));
    return value.at ? headers_add(ret, a, SLICE("authorization"), value) : -ENOMEM;
}

static int add_headers(const struct target *t, const struct call *c, struct arena *a,
                       struct headers *ret)
{
    const struct header fixed[] = {
        {SLICE("host"),            t->authority                                                      },
        {SLICE("user-agent"),      SLICE("courier")                                                  },
        {SLICE("content-type"),    SLICE("application/json")                                         },
        {SLICE("accept"),          c->stream ? SLICE("text/event-stream") : SLICE("application/json")},
        {SLICE("accept-encoding"), SLICE("identity")                                                 },
    };

    for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
        int rc = headers_add(ret, a, fixed[i].name, fixed[i].value);
        if (rc < 0)
            return rc;
    }
    return add_authorization(t, a, ret);
}

static int chat_encode(const struct target *t, const struct call *c, struct arena *a,
                       struct http_message *ret, struct fault *ret_fault)
{
    struct edits edits = {.len = 0};

    *ret = (struct http_message){.method = SLICE("POST")};
    if (!header_value_is_safe(secret_reveal(t->api_key))) {
        *ret_fault = (struct fault){.kind = FAULT_UPSTREAM_CREDENTIALS};
        return -EINVAL;
    }

    ret->path = join(a, t->base_path, SLICE("/chat/completions"));
    if (!ret->path.at)
        return -ENOMEM;
    int rc = add_headers(t, c, a, &ret->headers);
    if (rc == OK)
        rc = edit_model(t, c, a, &edits);
    if (rc < 0)
        return rc;
    edit_stream_options(t, c, &edits);
    splice(c->body, &edits, ret);
    return OK;
}

/* A refusal passes to the client with the provider's own words; as they are only when they are
 * JSON, which a client of this API can read. */
static void pass_refusal(const struct openai_error *error, struct slice content_type,
                         struct fault *ret)
{
    ret->upstream_body = error->object;
    ret->upstream_content_type =
        slice_is_empty(content_type) ? SLICE("application/json") : content_type;
}

static int chat_decode(const struct target *t, struct slice body, struct arena *a,
                       struct reply *ret, struct fault *ret_fault)
{
    struct openai_error error;
    int rc = openai_chat_read_reply(body, ret);

    (void)t;
    (void)a;
    if (rc == -EPROTO && openai_error_read(body, &error)) {
        *ret_fault = openai_error_fault(&error);
        if (fault_is_refusal(ret_fault->kind))
            pass_refusal(&error, (struct slice){0}, ret_fault);
    }
    return rc;
}

static int chat_decode_event(void *state, struct slice name, struct slice data,
                             struct event_list *ret)
{
    struct event *event = &ret->at[0];

    ret->len = 1;
    int rc = openai_chat_read_event(state, data, event);
    if (slice_eq(name, SLICE("error")) && !(event->marks & EVENT_ERROR)) {
        *event = (struct event){.marks = EVENT_ERROR, .fault.kind = FAULT_UPSTREAM_ERROR};
        return OK;
    }
    return rc;
}

_Static_assert(offsetof(struct openai_chat_stream, wants_text) ==
                   offsetof(struct decoder, wants_text),
               "a decoder's state begins with struct decoder");

const struct adapter_op openai_chat_op = {
    .encode = chat_encode,
    .decode = chat_decode,
    .decode_event = chat_decode_event,
    .alike = openai_chat_alike,
    .framing = FRAMING_SSE,
    .state_size = sizeof(struct openai_chat_stream),
    .end_marker = SLICE_INIT("data: [DONE]\n\n"),
};

static bool names_code(const char *const *codes, struct slice code)
{
    for (; codes && *codes; codes++)
        if (slice_eq(code, slice_str(*codes)))
            return true;
    return false;
}

void openai_classify_by(int status, const struct headers *h, struct slice body,
                        const struct openai_codes *codes, struct fault *ret)
{
    struct openai_error error;
    bool readable = openai_error_read(body, &error);

    *ret = (struct fault){
        .kind = openai_error_kind(status, readable ? &error : NULL),
        .upstream_status = status,
        .retry_after_ms = retry_after_ms(h),
    };
    if (readable && names_code(codes->account, error.code))
        ret->kind = FAULT_UPSTREAM_CREDENTIALS;
    else if (ret->kind == FAULT_UPSTREAM_REFUSED && readable &&
             names_code(codes->context, error.code))
        ret->kind = FAULT_CONTEXT_LENGTH;
    if (fault_is_refusal(ret->kind) && readable)
        pass_refusal(&error, headers_get(h, SLICE("content-type")), ret);
}

void openai_classify(int status, const struct headers *h, struct slice body, struct fault *ret)
{
    openai_classify_by(status, h, body, &(struct openai_codes){0}, ret);
}
