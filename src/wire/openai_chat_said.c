/* openai_chat_said.c: the tables of openai_chat_said.h. */

#include "wire/openai_chat_said.h"

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
