/* openai_chat_request.c: what a client asks: the few members that the gateway must know.
 *
 * One pass over the body finds them and validates the rest; each is then checked on its own, in the
 * order in which a person would fix them. */

#include "wire/openai_chat.h"

#include "wire/body_reader.h"
#include "wire/openai_stream_options.h"

enum { MODEL, MESSAGES, STREAM, STREAM_OPTIONS, MAX_TOKENS, MAX_COMPLETION, REQUEST_LEN };

static const struct json_member request_members[REQUEST_LEN] = {
    [MODEL] = {SLICE_INIT("model")},
    [MESSAGES] = {SLICE_INIT("messages")},
    [STREAM] = {SLICE_INIT("stream")},
    [STREAM_OPTIONS] = {SLICE_INIT("stream_options")},
    [MAX_TOKENS] = {SLICE_INIT("max_tokens")},
    [MAX_COMPLETION] = {SLICE_INIT("max_completion_tokens")},
};

static bool read_members(struct reader *r, const struct json_value *v, struct call *ret)
{
    ret->prompt_estimate = reader_estimate(v[MESSAGES].text.len);
    return reader_model(r, v[MODEL], ret) && reader_messages(r, v[MESSAGES]) &&
           reader_flag(r, v[STREAM], SLICE("stream"), &ret->stream) &&
           openai_stream_options_read(r, v[STREAM_OPTIONS], ret) &&
           reader_tokens(r, v[MAX_TOKENS], SLICE("max_tokens"), &ret->max_tokens) &&
           reader_tokens(r, v[MAX_COMPLETION], SLICE("max_completion_tokens"), &ret->max_tokens);
}

bool openai_chat_read(struct slice body, struct arena *a, struct call *ret, struct fault *ret_fault)
{
    struct reader r = {body, a, ret_fault};
    struct json_value v[REQUEST_LEN];

    *ret = (struct call){.kind = CALL_CHAT, .dialect = DIALECT_CHAT, .body = body};
    *ret_fault = (struct fault){0};
    return reader_scan(&r, request_members, REQUEST_LEN, v) && read_members(&r, v, ret);
}
