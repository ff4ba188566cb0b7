/* call_reader.c: one line for each kind of call and dialect that can be read. */

#include "wire/call_reader.h"

#include "wire/openai_chat.h"

bool call_read(enum call_kind kind, enum dialect dialect, struct slice body, struct arena *a,
               struct call *ret, struct fault *ret_fault)
{
    if (kind == CALL_CHAT && dialect == DIALECT_CHAT)
        return openai_chat_read(body, a, ret, ret_fault);
    *ret_fault = (struct fault){.kind = FAULT_NOT_IMPLEMENTED};
    return false;
}
