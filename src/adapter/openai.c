/* openai.c: a call in OpenAI's dialect to a provider that speaks it.
 *
 * The body passes byte for byte. Only two members are touched, by splicing spans: `model`, when the
 * provider calls it differently, and `stream_options`, so that every stream tells its usage. Key
 * order, white space and number literals survive: providers' prompt caches depend on them. */

#include "adapter/openai.h"

#include "adapter/encoding.h"
#include "adapter/openai_answers.h"
#include "adapter/retry_after.h"
#include "wire/openai_chat.h"
#include "wire/openai_error.h"

#include <errno.h>

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
            edits_add(ret, drop_options(c));
    } else if (c->stream && !c->include_usage) {
        edits_add(ret, ask_usage(c));
    }
}

const struct encoding_place openai_chat_place = {
    .path = SLICE_INIT("/chat/completions"),
    .key_name = SLICE_INIT("authorization"),
    .key_prefix = SLICE_INIT("Bearer "),
};

static int chat_encode(const struct target *t, const struct call *c, struct arena *a,
                       struct http_message *ret, struct fault *ret_fault)
{
    struct edits edits = {.len = 0};

    if (!encoding_key_is_safe(t, ret_fault))
        return -EINVAL;
    int rc = encoding_head(t, c, a, &openai_chat_place, ret);
    if (rc == OK)
        rc = edits_model(&edits, t, c, a);
    if (rc < 0)
        return rc;
    edit_stream_options(t, c, &edits);
    edits_splice(&edits, c->body, ret);
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

void openai_read_refusal(struct slice body, struct fault *ret)
{
    struct openai_error error;

    if (!openai_error_read(body, &error))
        return;
    *ret = openai_error_fault(&error);
    if (fault_is_refusal(ret->kind))
        pass_refusal(&error, (struct slice){0}, ret);
}

static int chat_decode(const struct decoding *d, struct slice body, struct reply *ret,
                       struct fault *ret_fault)
{
    int rc = openai_chat_read_reply(body, ret);

    (void)d;
    if (rc == -EPROTO)
        openai_read_refusal(body, ret_fault);
    return rc;
}

int openai_read_frame(struct openai_chat_stream *s, struct slice name, struct slice data,
                      struct event *ret)
{
    int rc = openai_chat_read_event(s, data, ret);

    if (slice_eq(name, SLICE("error")) && !(ret->marks & EVENT_ERROR)) {
        *ret = (struct event){.marks = EVENT_ERROR, .fault.kind = FAULT_UPSTREAM_ERROR};
        return OK;
    }
    return rc;
}

static int chat_decode_event(void *state, struct slice name, struct slice data,
                             struct event_list *ret)
{
    ret->len = 1;
    return openai_read_frame(state, name, data, &ret->at[0]);
}

static int chat_finish(void *state, struct slice *ret)
{
    (void)state;
    *ret = SLICE("data: [DONE]\n\n");
    return OK;
}

_Static_assert(offsetof(struct openai_chat_stream, wants_text) ==
                   offsetof(struct decoder, wants_text),
               "a decoder's state begins with struct decoder");

const struct adapter_op openai_chat_op = {
    .encode = chat_encode,
    .decode = chat_decode,
    .decode_event = chat_decode_event,
    .finish = chat_finish,
    .alike = openai_chat_alike,
    .framing = FRAMING_SSE,
    .state_size = sizeof(struct openai_chat_stream),
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
