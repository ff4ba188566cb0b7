/* openai_responses_answer.c: what an answer used and whether it is one, whole or streamed.
 *
 * A stream names each of its frames; there is no [DONE]: one of three events is the end. */

#include "wire/openai_responses.h"

#include "wire/inside.h"
#include "wire/openai_error.h"
#include "wire/openai_usage.h"

#include <errno.h>

enum { USAGE, OUTPUT, ERROR, STATUS, RESPONSE_LEN };

static const struct json_member response_members[RESPONSE_LEN] = {
    [USAGE] = {SLICE_INIT("usage")},
    [OUTPUT] = {SLICE_INIT("output")},
    [ERROR] = {SLICE_INIT("error")},
    [STATUS] = {SLICE_INIT("status")},
};

int openai_responses_read_reply(struct slice body, struct reply *ret)
{
    struct json_value v[RESPONSE_LEN];
    struct openai_error error;

    *ret = (struct reply){.body = body};
    if (!json_outline(body, response_members, RESPONSE_LEN, v))
        return openai_error_read(body, &error) ? -EPROTO : -EBADMSG;

    bool is_answer = v[OUTPUT].type == JSON_ARRAY && v[ERROR].type != JSON_OBJECT &&
                     !slice_eq(inside_of(v[STATUS]), SLICE("failed"));
    if (!is_answer && openai_error_read(body, &error))
        return -EPROTO;

    openai_responses_usage_read(v[USAGE], &ret->usage);
    return OK;
}

enum { TYPE, DELTA, RESPONSE, NUMBER, FRAME_LEN };

static const struct json_member frame_members[FRAME_LEN] = {
    [TYPE] = {SLICE_INIT("type")},
    [DELTA] = {SLICE_INIT("delta")},
    [RESPONSE] = {SLICE_INIT("response")},
    [NUMBER] = {SLICE_INIT("sequence_number")},
};

static bool ends_with(struct slice s, struct slice end)
{
    return s.len >= end.len && slice_eq(slice_sub(s, s.len - end.len, s.len), end);
}

/* object: the frame, or the response in it. */
static void mark_error(struct slice object, struct event *ret)
{
    struct openai_error error;

    ret->marks |= EVENT_ERROR;
    ret->fault = (struct fault){.kind = FAULT_UPSTREAM_ERROR};
    if (openai_error_read(object, &error))
        ret->fault = openai_error_fault(&error);
}

static void mark_usage(struct json_value response, struct event *ret)
{
    struct json_value v[RESPONSE_LEN];

    if (response.type == JSON_OBJECT &&
        json_members(response.text, response_members, RESPONSE_LEN, v) &&
        openai_responses_usage_read(v[USAGE], &ret->usage))
        ret->marks |= EVENT_USAGE;
}

static void mark_delta(const struct openai_responses_stream *s, struct slice type,
                       struct json_value delta, struct event *ret)
{
    bool is_text = delta.type == JSON_STRING;

    if (delta.text.len <= 2 || !(is_text || delta.type == JSON_OBJECT))
        return;
    ret->marks |= EVENT_CONTENT;
    ret->output_deltas = 1;
    if (s->wants_text && is_text && slice_eq(type, SLICE("response.output_text.delta")))
        ret->text = delta.text;
}

/* They are counted from 0. */
static void read_number(struct json_value number, struct event *ret)
{
    uint64_t n;

    if (number.type == JSON_NUMBER && slice_to_u64(number.text, &n) == OK && n < UINT64_MAX)
        ret->frames = n + 1;
}

static void read_frame(const struct openai_responses_stream *s, struct slice type,
                       const struct json_value *v, struct event *ret)
{
    read_number(v[NUMBER], ret);
    if (ends_with(type, SLICE(".delta"))) {
        mark_delta(s, type, v[DELTA], ret);
    } else if (ends_with(type, SLICE(".partial_image"))) {
        ret->marks |= EVENT_CONTENT;
        ret->output_deltas = 1;
    } else if (slice_eq(type, SLICE("response.completed")) ||
               slice_eq(type, SLICE("response.incomplete"))) {
        mark_usage(v[RESPONSE], ret);
        ret->marks |= EVENT_FINISH | EVENT_DONE;
    } else if (slice_eq(type, SLICE("response.failed"))) {
        mark_usage(v[RESPONSE], ret);
        mark_error(v[RESPONSE].text, ret);
    }
}

int openai_responses_read_event(struct openai_responses_stream *s, struct slice name,
                                struct slice data, struct event *ret)
{
    struct json_value v[FRAME_LEN];
    struct json_error why;
    struct openai_error error;

    *ret = (struct event){0};
    data = slice_trim(data);
    if (slice_is_empty(data))
        return OK;

    bool is_object = json_scan(data, frame_members, FRAME_LEN, v, &why);
    struct slice type = is_object ? inside_of(v[TYPE]) : (struct slice){0};
    if (slice_is_empty(type))
        type = name;
    if (slice_eq(type, SLICE("error")) || (slice_is_empty(type) && openai_error_read(data, &error)))
        mark_error(data, ret);
    else if (is_object)
        read_frame(s, type, v, ret);
    else
        return -EBADMSG;
    return OK;
}
