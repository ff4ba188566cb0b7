/* openai.c: a call in OpenAI's dialect to a provider that speaks it.
 *
 * The body passes byte for byte. Only these members are touched, by splicing spans: `model`, when
 * the provider calls it differently, `stream_options`, so that every stream tells its usage, and in
 * a chat those that the vendor's rules speak of. Key order, white space and number literals
 * survive: providers' prompt caches depend on them. */

#include "adapter/openai.h"

#include "adapter/encoding.h"
#include "adapter/openai_answers.h"
#include "adapter/retry_after.h"
#include "wire/openai_chat.h"
#include "wire/openai_embeddings.h"
#include "wire/openai_error.h"
#include "wire/openai_responses.h"

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

/* Streams of Responses tell their usage unasked. */
static bool must_be_asked(const struct target *t, const struct call *c)
{
    const struct openai_rules *rules = t->adapter->row;
    bool has_options = c->kind == CALL_CHAT || c->kind == CALL_COMPLETIONS;

    return c->stream && has_options && !c->include_usage && !rules->refuses_stream_options;
}

static int pass_encode(const struct target *t, const struct call *c, struct arena *a,
                       struct http_message *ret, struct fault *ret_fault)
{
    struct edits edits = {.len = 0};

    if (!encoding_key_is_safe(t, ret_fault))
        return -EINVAL;
    int rc = openai_head(t, c, a, ret);
    if (rc == OK)
        rc = edits_model(&edits, t, c, a);
    if (rc == OK && c->kind == CALL_CHAT)
        rc = openai_edit_members(t, c->body, a, &edits, ret_fault);
    if (rc < 0)
        return rc;
    if (must_be_asked(t, c))
        edits_add(&edits, ask_usage(c));
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

/* rc: what the reader of a whole answer returned. */
static int passed(int rc, struct slice body, struct fault *ret_fault)
{
    if (rc == -EPROTO)
        openai_read_refusal(body, ret_fault);
    return rc;
}

static int chat_decode(const struct decoding *d, struct slice body, struct reply *ret,
                       struct fault *ret_fault)
{
    (void)d;
    return passed(openai_chat_read_reply(body, ret), body, ret_fault);
}

static int embeddings_decode(const struct decoding *d, struct slice body, struct reply *ret,
                             struct fault *ret_fault)
{
    (void)d;
    return passed(openai_embeddings_read_reply(body, ret), body, ret_fault);
}

static int responses_decode(const struct decoding *d, struct slice body, struct reply *ret,
                            struct fault *ret_fault)
{
    (void)d;
    return passed(openai_responses_read_reply(body, ret), body, ret_fault);
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

static int responses_decode_event(void *state, struct slice name, struct slice data,
                                  struct event_list *ret)
{
    ret->len = 1;
    return openai_responses_read_event(state, name, data, &ret->at[0]);
}

#define BEGINS_WITH_DECODER(type)                                                                  \
    _Static_assert(offsetof(struct type, wants_text) == offsetof(struct decoder, wants_text),      \
                   "a decoder's state begins with struct decoder")
BEGINS_WITH_DECODER(openai_chat_stream);
BEGINS_WITH_DECODER(openai_responses_stream);

/* Also of completions, whose answers have the shape of chat's. */
const struct adapter_op openai_chat_op = {
    .encode = pass_encode,
    .decode = chat_decode,
    .decode_event = chat_decode_event,
    .finish = chat_finish,
    .alike = openai_chat_alike,
    .framing = FRAMING_SSE,
    .state_size = sizeof(struct openai_chat_stream),
};

const struct adapter_op openai_embeddings_op = {
    .encode = pass_encode,
    .decode = embeddings_decode,
};

const struct adapter_op openai_responses_op = {
    .encode = pass_encode,
    .decode = responses_decode,
    .decode_event = responses_decode_event,
    .framing = FRAMING_SSE,
    .state_size = sizeof(struct openai_responses_stream),
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
    if (ret->retry_after_ms == 0)
        ret->retry_after_ms = retry_after_text(error.retry_delay);
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
