/* openai_chat_said.h: where a message of Chat Completions, or a delta of one, says something. */

#pragma once

#include "codec/json.h"

enum {
    SAID_CONTENT,
    SAID_REFUSAL,
    SAID_TOOL_CALLS,
    SAID_REASONING_CONTENT,
    SAID_REASONING,
    SAID_THINKING_BLOCKS,
    SAID_FUNCTION_CALL,
    SAID_LEN
};
extern const struct json_member openai_said_members[SAID_LEN];

/* The thought signature of a call of a tool: of its extra_content,
 * {"google":{"thought_signature"}}. False: a member stands twice. */
bool openai_signature_read(struct json_value extra, struct slice *ret);

/* Of content that is a list (Mistral), and of thinking_blocks. */
enum { PART_TEXT, PART_THINKING, PART_SIGNATURE, PART_SEALED, PART_LEN };
extern const struct json_member openai_part_members[PART_LEN];
