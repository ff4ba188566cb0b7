/* anthropic_chat.c: a call in OpenAI's dialect to a provider that speaks Anthropic's: both ways
 * translated. */

#include "adapter/anthropic.h"

#include "adapter/anthropic_answers.h"
#include "adapter/anthropic_models.h"
#include "adapter/encoding.h"
#include "wire/anthropic_answer.h"
#include "wire/anthropic_error.h"
#include "wire/openai_chat_writer.h"
#include "wire/openai_error.h"

#include <errno.h>

struct chat_stream {
    struct anthropic_stream stream; /* begins with a struct decoder */
    struct openai_chat_writer writer;
    struct anthropic_pieces pieces;
};

_Static_assert(offsetof(struct chat_stream, stream) == 0, "begins with struct decoder");

static int chat_encode(const struct target *t, const struct call *c, struct arena *a,
                       struct http_message *ret, struct fault *ret_fault)
{
    const struct wire_options options = anthropic_options(t);
    struct slice body;
    struct chat chat;

    if (!encoding_key_is_safe(t, ret_fault))
        return -EINVAL;
    int rc = anthropic_head(t, c, a, ret);
    if (rc < 0)
        return rc;
    if (!openai_chat_parse(c->body, a, &chat, ret_fault) ||
        !anthropic_messages_write(&chat, &options, a, &body, ret_fault))
        return ret_fault->kind == FAULT_INTERNAL ? -ENOMEM : -EINVAL;
    encoding_body(body, ret);
    return OK;
}

static struct slice code_of(const struct fault *f, const struct anthropic_error *error)
{
    if (f->kind == FAULT_CONTEXT_LENGTH)
        return SLICE(OPENAI_CONTEXT_LENGTH);
    if (slice_eq(error->type, SLICE("not_found_error")))
        return SLICE("model_not_found");
    return slice_eq(error->type, SLICE("request_too_large")) ? error->type : (struct slice){0};
}

static void chat_refusal(struct fault *f, struct arena *a)
{
    struct anthropic_error error;
    struct slice message = SLICE("The provider refused the request.");
    struct slice param = f->kind == FAULT_CONTEXT_LENGTH ? SLICE("messages") : (struct slice){0};

    if (anthropic_error_read(f->upstream_body, &error) && !slice_is_empty(error.message))
        message = error.message;
    f->upstream_body =
        openai_error_write(a, message, SLICE("invalid_request_error"), param, code_of(f, &error));
    f->upstream_content_type = SLICE("application/json");
}

static int chat_decode(const struct decoding *d, struct slice body, struct reply *ret,
                       struct fault *ret_fault)
{
    struct answer answer;
    int rc = anthropic_read_answer(body, d->arena, &answer);

    if (rc == -EPROTO) {
        anthropic_read_refusal(body, ret_fault);
        if (fault_is_refusal(ret_fault->kind))
            chat_refusal(ret_fault, d->arena);
    }
    if (rc < 0)
        return rc;

    encoding_complete(d, body, &answer, ret);
    answer.created = d->call->created;
    ret->body = openai_chat_answer_write(&answer, d->arena);
    return ret->body.at ? OK : -ENOMEM;
}

static int chat_begin(void *state, const struct decoding *d)
{
    struct chat_stream *s = state;

    s->writer = (struct openai_chat_writer){
        .out = d->out,
        .arena = d->arena,
        .model = d->target->upstream_model,
        .created = d->call->created,
        .include_usage = d->call->include_usage,
    };
    openai_chat_writer_begin(&s->writer);
    s->pieces.sink = &s->writer.sink;
    s->stream.pieces = &s->pieces;
    return OK;
}

static int chat_decode_event(void *state, struct slice name, struct slice data,
                             struct event_list *ret)
{
    struct chat_stream *s = state;
    int rc = anthropic_read_event(&s->stream, name, data, &ret->at[0]);

    ret->len = 1;
    ret->at[0].text = (struct slice){0};
    return rc;
}

const struct adapter_op anthropic_chat_op = {
    .encode = chat_encode,
    .decode = chat_decode,
    .begin = chat_begin,
    .decode_event = chat_decode_event,
    .refusal = chat_refusal,
    .framing = FRAMING_SSE,
    .state_size = sizeof(struct chat_stream),
    .translates = true,
};
