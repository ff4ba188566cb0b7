/* openai_responses_request.c: what a client asks: the few members that the gateway must know. */

#include "wire/openai_responses.h"

#include "wire/body_reader.h"

enum { MODEL, INPUT, INSTRUCTIONS, TOOLS, STREAM, BACKGROUND, MAX_OUTPUT, REQUEST_LEN };

static const struct json_member request_members[REQUEST_LEN] = {
    [MODEL] = {SLICE_INIT("model")},
    [INPUT] = {SLICE_INIT("input")},
    [INSTRUCTIONS] = {SLICE_INIT("instructions")},
    [TOOLS] = {SLICE_INIT("tools")},
    [STREAM] = {SLICE_INIT("stream")},
    [BACKGROUND] = {SLICE_INIT("background")},
    [MAX_OUTPUT] = {SLICE_INIT("max_output_tokens")},
};

/* Text or items; absent where a stored prompt or a conversation goes on. */
static bool read_input(struct reader *r, struct json_value v)
{
    bool fits = v.type != JSON_BOOL && v.type != JSON_NUMBER && v.type != JSON_OBJECT;

    return fits || reader_refuse_type(r, SLICE("input"), "a string or an array", v.type);
}

static bool read_background(struct reader *r, struct json_value v, bool stream)
{
    struct slice name = SLICE("background");
    bool background = false;

    if (!reader_flag(r, v, name, &background))
        return false;
    return !background || stream ||
           reader_refuse_unsupported(r, name, "its answer could not be fetched; stream it");
}

static bool read_members(struct reader *r, const struct json_value *v, struct call *ret)
{
    ret->prompt_estimate =
        reader_estimate(v[INSTRUCTIONS].text.len + v[INPUT].text.len + v[TOOLS].text.len);
    return reader_model(r, v[MODEL], ret) && read_input(r, v[INPUT]) &&
           reader_flag(r, v[STREAM], SLICE("stream"), &ret->stream) &&
           read_background(r, v[BACKGROUND], ret->stream) &&
           reader_tokens(r, v[MAX_OUTPUT], SLICE("max_output_tokens"), &ret->max_tokens);
}

bool openai_responses_read(struct slice body, struct arena *a, struct call *ret,
                           struct fault *ret_fault)
{
    struct reader r = {body, a, ret_fault};
    struct json_value v[REQUEST_LEN];

    *ret = (struct call){.kind = CALL_RESPONSES, .dialect = DIALECT_CHAT, .body = body};
    *ret_fault = (struct fault){0};
    return reader_scan(&r, request_members, REQUEST_LEN, v) && read_members(&r, v, ret);
}
