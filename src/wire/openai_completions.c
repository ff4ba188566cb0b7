/* openai_completions.c: what a client asks: the few members that the gateway must know. */

#include "wire/openai_completions.h"

#include "wire/body_reader.h"
#include "wire/openai_stream_options.h"

enum { MODEL, PROMPT, SUFFIX, STREAM, STREAM_OPTIONS, MAX_TOKENS, REQUEST_LEN };

static const struct json_member request_members[REQUEST_LEN] = {
    [MODEL] = {SLICE_INIT("model")},
    [PROMPT] = {SLICE_INIT("prompt")},
    [SUFFIX] = {SLICE_INIT("suffix")},
    [STREAM] = {SLICE_INIT("stream")},
    [STREAM_OPTIONS] = {SLICE_INIT("stream_options")},
    [MAX_TOKENS] = {SLICE_INIT("max_tokens")},
};

/* Text, tokens, or several of either; absent it is the end-of-text token. */
static bool read_prompt(struct reader *r, struct json_value v)
{
    bool fits = v.type != JSON_BOOL && v.type != JSON_NUMBER && v.type != JSON_OBJECT;

    return fits || reader_refuse_type(r, SLICE("prompt"), "a string or an array", v.type);
}

static bool read_members(struct reader *r, const struct json_value *v, struct call *ret)
{
    ret->prompt_estimate = reader_estimate(v[PROMPT].text.len + v[SUFFIX].text.len);
    return reader_model(r, v[MODEL], ret) && read_prompt(r, v[PROMPT]) &&
           reader_flag(r, v[STREAM], SLICE("stream"), &ret->stream) &&
           openai_stream_options_read(r, v[STREAM_OPTIONS], ret) &&
           reader_tokens(r, v[MAX_TOKENS], SLICE("max_tokens"), &ret->max_tokens);
}

bool openai_completions_read(struct slice body, struct arena *a, struct call *ret,
                             struct fault *ret_fault)
{
    struct reader r = {body, a, ret_fault};
    struct json_value v[REQUEST_LEN];

    *ret = (struct call){.kind = CALL_COMPLETIONS, .dialect = DIALECT_CHAT, .body = body};
    *ret_fault = (struct fault){0};
    return reader_scan(&r, request_members, REQUEST_LEN, v) && read_members(&r, v, ret);
}
