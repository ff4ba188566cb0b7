/* openai_chat_reply.c: what a buffered answer used, and whether it is one.
 *
 * An answer passes to the client byte for byte, so it is looked at and not validated: that it is
 * one whole object is what tells a cut or foreign body. */

#include "wire/openai_chat.h"
#include "wire/openai_error.h"
#include "wire/openai_usage.h"

#include "codec/json.h"

#include <errno.h>

enum { USAGE, CHOICES, ERROR, REPLY_LEN };

static const struct json_member reply_members[REPLY_LEN] = {
    [USAGE] = {SLICE_INIT("usage")},
    [CHOICES] = {SLICE_INIT("choices")},
    [ERROR] = {SLICE_INIT("error")},
};

int openai_chat_read_reply(struct slice body, struct reply *ret)
{
    struct json_value v[REPLY_LEN];
    struct openai_error error;

    *ret = (struct reply){.body = body};
    if (!json_outline(body, reply_members, REPLY_LEN, v))
        return openai_error_read(body, &error) ? -EPROTO : -EBADMSG;

    bool is_answer = v[CHOICES].type == JSON_ARRAY && v[ERROR].type == JSON_NONE;
    if (!is_answer && openai_error_read(body, &error))
        return -EPROTO;

    openai_usage_read(v[USAGE], &ret->usage);
    return OK;
}
