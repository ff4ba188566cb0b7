/* openai_messages.c: a call in Anthropic's dialect to a provider that speaks OpenAI's: both ways
 * translated. */

#include "adapter/openai.h"

#include "adapter/openai_answers.h"
#include "wire/anthropic_error.h"
#include "wire/anthropic_writer.h"
#include "wire/chat_wire.h"
#include "wire/openai_chat_pieces.h"
#include "wire/openai_error.h"

#include <errno.h>

struct messages_stream {
    struct openai_chat_stream stream; /* begins with a struct decoder */
    struct openai_pieces pieces;
    struct anthropic_writer writer;
};

_Static_assert(offsetof(struct messages_stream, stream) == 0, "begins with struct decoder");

/* OpenAI's models that reason: no others refuse max_tokens and sampling. Source:
 * platform.openai.com, "Reasoning models". */
static bool is_reasoning_model(struct slice model)
{
    static const struct slice prefixes[] = {
        SLICE_INIT("o1"),
        SLICE_INIT("o3"),
        SLICE_INIT("o4"),
        SLICE_INIT("gpt-5"),
    };

    if (slice_starts(model, SLICE("gpt-5-chat")))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
        if (slice_starts(model, prefixes[i]))
            return true;
    return false;
}

/* Those from Gemini 3 on, and names without a number, which are the newest. Source:
 * ai.google.dev/gemini-api/docs/thought-signatures */
static bool insists_on_signatures(struct slice model)
{
    const struct slice family = SLICE("gemini-");

    return slice_starts(model, family) && model.len > family.len && model.at[family.len] >= '3';
}

struct wire_options openai_options(const struct openai_rules *rules, struct slice model)
{
    bool reasons = rules->is_origin ? is_reasoning_model(model) : rules->has_effort;

    return (struct wire_options){
        .model = model,
        .reasoning = reasons ? WIRE_REASONING_EFFORT : WIRE_REASONING_UNKNOWN,
        .strict_tools = rules->is_origin,
        .cache_control = rules->knows_cache_control,
        .no_sampling = reasons && rules->is_origin,
        .max_completion_tokens = rules->is_origin,
        .no_stream_options = rules->refuses_stream_options,
        .reasoning_content = rules->takes_reasoning,
        .thought_signatures = rules->takes_signatures,
        .unsigned_is_refused = rules->is_gemini && insists_on_signatures(model),
    };
}

static int messages_encode(const struct target *t, const struct call *c, struct arena *a,
                           struct http_message *ret, struct fault *ret_fault)
{
    const struct openai_rules *rules = t->adapter->row;
    const struct wire_options options = openai_options(rules, t->upstream_model);
    struct edits edits = {.len = 0};
    struct slice body;
    struct chat chat;

    if (!encoding_key_is_safe(t, ret_fault))
        return -EINVAL;
    int rc = openai_head(t, c, a, ret);
    if (rc < 0)
        return rc;
    if (!anthropic_messages_parse(c->body, a, &chat, ret_fault) ||
        !openai_chat_write(&chat, &options, a, &body, ret_fault))
        return ret_fault->kind == FAULT_INTERNAL ? -ENOMEM : -EINVAL;
    rc = openai_edit_members(t, body, a, &edits, ret_fault);
    if (rc == OK)
        edits_splice(&edits, body, ret);
    return rc;
}

/* Clients know by these words that they must shorten the conversation. */
static struct slice say_too_long(struct arena *a, struct slice message)
{
    struct slice said = arena_printf(a, "prompt is too long: %.*s", SLICE_FMT(message));

    return said.at ? said : message;
}

static void messages_refusal(struct fault *f, struct arena *a)
{
    struct openai_error error;
    struct slice message = SLICE("The provider refused the request.");

    if (openai_error_read(f->upstream_body, &error) && !slice_is_empty(error.message))
        message = error.message;
    if (f->kind == FAULT_CONTEXT_LENGTH)
        message = say_too_long(a, message);
    f->upstream_body = anthropic_error_write(a, anthropic_error_type(f->upstream_status), message,
                                             (struct slice){0});
    f->upstream_content_type = SLICE("application/json");
}

static int messages_decode(const struct decoding *d, struct slice body, struct reply *ret,
                           struct fault *ret_fault)
{
    struct answer answer;
    int rc = openai_chat_read_answer(body, d->arena, &answer);

    if (rc == -EPROTO) {
        openai_read_refusal(body, ret_fault);
        if (fault_is_refusal(ret_fault->kind))
            messages_refusal(ret_fault, d->arena);
    }
    if (rc < 0)
        return rc;

    encoding_complete(d, body, &answer, ret);
    ret->body = anthropic_answer_write(&answer, d->arena);
    return ret->body.at ? OK : -ENOMEM;
}

static int messages_begin(void *state, const struct decoding *d)
{
    struct messages_stream *s = state;

    s->writer = (struct anthropic_writer){
        .out = d->out,
        .arena = d->arena,
        .model = d->target->upstream_model,
        .prompt_estimate = d->call->prompt_estimate,
    };
    anthropic_writer_begin(&s->writer);
    s->pieces.sink = &s->writer.sink;
    s->stream.pieces = &s->pieces;
    return OK;
}

static int messages_decode_event(void *state, struct slice name, struct slice data,
                                 struct event_list *ret)
{
    struct messages_stream *s = state;
    struct event *event = &ret->at[0];
    int rc = openai_read_frame(&s->stream, name, data, event);

    ret->len = 1;
    event->marks &= ~(unsigned)EVENT_USAGE_ONLY; /* nothing of it is to be held back */
    event->text = (struct slice){0};
    return rc;
}

static int messages_finish(void *state, struct slice *ret)
{
    struct messages_stream *s = state;

    *ret = (struct slice){0};
    return openai_pieces_done(&s->pieces);
}

const struct adapter_op openai_messages_op = {
    .encode = messages_encode,
    .decode = messages_decode,
    .begin = messages_begin,
    .decode_event = messages_decode_event,
    .finish = messages_finish,
    .refusal = messages_refusal,
    .framing = FRAMING_SSE,
    .state_size = sizeof(struct messages_stream),
    .translates = true,
};
