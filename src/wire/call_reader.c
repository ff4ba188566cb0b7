/* call_reader.c: one line for each kind of call and dialect that can be read. */

#include "wire/call_reader.h"

#include "wire/anthropic_messages.h"
#include "wire/openai_chat.h"

bool call_read(struct call *call, struct slice body, struct arena *a, struct fault *ret_fault)
{
    if (call->kind == CALL_CHAT && call->dialect == DIALECT_CHAT)
        return openai_chat_read(body, a, call, ret_fault);
    if (call->kind == CALL_MESSAGES && call->dialect == DIALECT_MESSAGES)
        return anthropic_messages_read(body, a, call, ret_fault);
    *ret_fault = (struct fault){.kind = FAULT_NOT_IMPLEMENTED};
    return false;
}
