/* anthropic_messages_request.c: what a client asks: the few members that the gateway must know. */

#include "wire/anthropic_messages.h"

#include "wire/body_reader.h"

enum { MODEL, MESSAGES, MAX_TOKENS, STREAM, SYSTEM, TOOLS, REQUEST_LEN };

static const struct json_member request_members[REQUEST_LEN] = {
    [MODEL] = {SLICE_INIT("model")},           [MESSAGES] = {SLICE_INIT("messages")},
    [MAX_TOKENS] = {SLICE_INIT("max_tokens")}, [STREAM] = {SLICE_INIT("stream")},
    [SYSTEM] = {SLICE_INIT("system")},         [TOOLS] = {SLICE_INIT("tools")},
};

/* A string or blocks. */
static bool read_system(struct reader *r, struct json_value v)
{
    bool fits = v.type != JSON_BOOL && v.type != JSON_NUMBER && v.type != JSON_OBJECT;

    return fits ||
           reader_refuse_type(r, SLICE("system"), "a string or an array of objects", v.type);
}

static bool read_tools(struct reader *r, struct json_value v)
{
    bool fits = v.type == JSON_NONE || v.type == JSON_NULL || v.type == JSON_ARRAY;

    return fits || reader_refuse_type(r, SLICE("tools"), "an array of objects", v.type);
}

static bool read_members(struct reader *r, const struct json_value *v, struct call *ret)
{
    ret->prompt_estimate =
        reader_estimate(v[SYSTEM].text.len + v[TOOLS].text.len + v[MESSAGES].text.len);
    return reader_model(r, v[MODEL], ret) && reader_messages(r, v[MESSAGES]) &&
           reader_tokens(r, v[MAX_TOKENS], SLICE("max_tokens"), &ret->max_tokens) &&
           reader_flag(r, v[STREAM], SLICE("stream"), &ret->stream) && read_system(r, v[SYSTEM]) &&
           read_tools(r, v[TOOLS]);
}

bool anthropic_messages_read(struct slice body, struct arena *a, struct call *ret,
                             struct fault *ret_fault)
{
    struct reader r = {body, a, ret_fault};
    struct json_value v[REQUEST_LEN];

    *ret = (struct call){.kind = CALL_MESSAGES, .dialect = DIALECT_MESSAGES, .body = body};
    *ret_fault = (struct fault){0};
    return reader_scan(&r, request_members, REQUEST_LEN, v) && read_members(&r, v, ret);
}
