/* openai_embeddings.c: what a client asks, and what the answer used. An answer may be megabytes of
 * numbers: it is looked at and not validated. */

#include "wire/openai_embeddings.h"

#include "wire/body_reader.h"
#include "wire/openai_error.h"
#include "wire/openai_usage.h"

#include <errno.h>

enum { MODEL, INPUT, REQUEST_LEN };

static const struct json_member request_members[REQUEST_LEN] = {
    [MODEL] = {SLICE_INIT("model")},
    [INPUT] = {SLICE_INIT("input")},
};

/* Text, tokens, or several of either. */
static bool read_input(struct reader *r, struct json_value v)
{
    struct slice name = SLICE("input");

    if (v.type == JSON_NONE)
        return reader_refuse_missing(r, name);
    if (v.type != JSON_STRING && v.type != JSON_ARRAY)
        return reader_refuse_type(r, name, "a string or an array", v.type);
    return v.type == JSON_STRING || v.elements || reader_refuse_empty(r, name);
}

bool openai_embeddings_read(struct slice body, struct arena *a, struct call *ret,
                            struct fault *ret_fault)
{
    struct reader r = {body, a, ret_fault};
    struct json_value v[REQUEST_LEN];

    *ret = (struct call){.kind = CALL_EMBEDDINGS, .dialect = DIALECT_CHAT, .body = body};
    *ret_fault = (struct fault){0};
    if (!reader_scan(&r, request_members, REQUEST_LEN, v))
        return false;
    ret->prompt_estimate = reader_estimate(v[INPUT].text.len);
    return reader_model(&r, v[MODEL], ret) && read_input(&r, v[INPUT]);
}

enum { USAGE, VECTORS, ERROR, REPLY_LEN };

static const struct json_member reply_members[REPLY_LEN] = {
    [USAGE] = {SLICE_INIT("usage")},
    [VECTORS] = {SLICE_INIT("data")},
    [ERROR] = {SLICE_INIT("error")},
};

int openai_embeddings_read_reply(struct slice body, struct reply *ret)
{
    struct json_value v[REPLY_LEN];
    struct openai_error error;

    *ret = (struct reply){.body = body};
    if (!json_outline(body, reply_members, REPLY_LEN, v))
        return openai_error_read(body, &error) ? -EPROTO : -EBADMSG;

    bool is_answer = v[VECTORS].type == JSON_ARRAY && v[ERROR].type == JSON_NONE;
    if (!is_answer && openai_error_read(body, &error))
        return -EPROTO;

    openai_usage_read(v[USAGE], &ret->usage);
    return OK;
}
