/* call_identity.c: see call_identity.h. */

#include "wire/call_identity.h"

#include "codec/json.h"
#include "codec/json_canonical.h"

#include <errno.h>

enum { STORE, BACKGROUND, CONVERSATION, CONTAINER, MEMBERS_LEN };

static const struct json_member members[MEMBERS_LEN] = {
    [STORE] = {SLICE_INIT("store")},
    [BACKGROUND] = {SLICE_INIT("background")},
    [CONVERSATION] = {SLICE_INIT("conversation")},
    [CONTAINER] = {SLICE_INIT("container")},
};

static bool is_given(struct json_value v)
{
    return v.type != JSON_NONE && v.type != JSON_NULL;
}

static bool is_word(struct json_value v, bool expected)
{
    bool word;

    return json_bool(v, &word) && word == expected;
}

/* Chat completions are stored on request, responses unless that is declined (OpenAI's API
 * reference: `store` of both). A container keeps files between messages (Anthropic: code
 * execution). */
static bool leaves_something_behind(const struct call *call)
{
    struct json_value v[MEMBERS_LEN];

    if (!json_members(call->body, members, MEMBERS_LEN, v))
        return true; /* which of the two holds? */
    switch (call->kind) {
    case CALL_CHAT:
        return is_given(v[STORE]) && !is_word(v[STORE], false);
    case CALL_RESPONSES:
        return !is_word(v[STORE], false) || is_given(v[CONVERSATION]) ||
               (is_given(v[BACKGROUND]) && !is_word(v[BACKGROUND], false));
    case CALL_MESSAGES:
        return is_given(v[CONTAINER]);
    case CALL_COMPLETIONS:
    case CALL_EMBEDDINGS:
        return false;
    default:
        return true;
    }
}

/* No value holds the line's end: a head's field cannot. */
static void write_head(struct json_out *out, const struct call *call)
{
    json_out_u64(out, call->kind);
    json_out_char(out, '\n');
    for (size_t i = 0; i < call->headers_len; i++) {
        json_out_add(out, call->headers[i].name);
        json_out_literal(out, ": ");
        json_out_add(out, call->headers[i].value);
        json_out_char(out, '\n');
    }
    json_out_char(out, '\n');
}

int call_identity(const struct call *call, struct arena *a, struct slice *ret)
{
    enum { HEAD_EXPECTED = 256 };
    struct json_out out;

    if (call->body.len > CALL_IDENTITY_MOST || leaves_something_behind(call))
        return -ENOTSUP;
    json_out_begin(&out, a, call->body.len + HEAD_EXPECTED);
    write_head(&out, call);
    int rc = json_canonical(call->body, &out);
    *ret = json_out_slice(&out);
    return rc == OK || rc == -ENOMEM ? rc : -ENOTSUP;
}
