/* openai_chat_said.c: see openai_chat_said.h. */

#include "wire/openai_chat_said.h"

#include "wire/inside.h"

const struct json_member openai_said_members[SAID_LEN] = {
    [SAID_CONTENT] = {SLICE_INIT("content")},
    [SAID_REFUSAL] = {SLICE_INIT("refusal")},
    [SAID_TOOL_CALLS] = {SLICE_INIT("tool_calls")},
    [SAID_REASONING_CONTENT] = {SLICE_INIT("reasoning_content")},
    [SAID_REASONING] = {SLICE_INIT("reasoning")},
    [SAID_THINKING_BLOCKS] = {SLICE_INIT("thinking_blocks")},
    [SAID_FUNCTION_CALL] = {SLICE_INIT("function_call")},
};

const struct json_member openai_part_members[PART_LEN] = {
    [PART_TEXT] = {SLICE_INIT("text")},
    [PART_THINKING] = {SLICE_INIT("thinking")},
    [PART_SIGNATURE] = {SLICE_INIT("signature")},
    [PART_SEALED] = {SLICE_INIT("data")},
};

bool openai_signature_read(struct json_value extra, struct slice *ret)
{
    static const struct json_member google[] = {{SLICE_INIT("google")}};
    static const struct json_member signature[] = {{SLICE_INIT("thought_signature")}};
    struct json_value v;

    *ret = (struct slice){0};
    if (extra.type != JSON_OBJECT)
        return true;
    if (!json_members(extra.text, google, 1, &v))
        return false;
    if (v.type != JSON_OBJECT)
        return true;
    if (!json_members(v.text, signature, 1, &v))
        return false;
    *ret = inside_of(v);
    return true;
}
