/* call_reader.c: one line for each kind of call that can be read. */

#include "wire/call_reader.h"

#include "wire/anthropic_messages.h"
#include "wire/openai_chat.h"
#include "wire/openai_completions.h"
#include "wire/openai_embeddings.h"
#include "wire/openai_responses.h"

#include <errno.h>

/* The same members, but no answer is limited or streamed. */
static bool read_count_tokens(struct slice body, struct arena *a, struct call *ret,
                              struct fault *ret_fault)
{
    bool ok = anthropic_messages_read(body, a, ret, ret_fault);

    ret->kind = CALL_COUNT_TOKENS;
    ret->stream = false;
    return ok;
}

bool call_read(struct call *call, struct slice body, struct arena *a, struct fault *ret_fault)
{
    switch (call->kind) {
    case CALL_CHAT:
        return openai_chat_read(body, a, call, ret_fault);
    case CALL_MESSAGES:
        return anthropic_messages_read(body, a, call, ret_fault);
    case CALL_COUNT_TOKENS:
        return read_count_tokens(body, a, call, ret_fault);
    case CALL_COMPLETIONS:
        return openai_completions_read(body, a, call, ret_fault);
    case CALL_EMBEDDINGS:
        return openai_embeddings_read(body, a, call, ret_fault);
    case CALL_RESPONSES:
        return openai_responses_read(body, a, call, ret_fault);
    default:
        *ret_fault = (struct fault){.kind = FAULT_NOT_IMPLEMENTED};
        return false;
    }
}

enum dialect call_dialect(const struct headers *h)
{
    return headers_find(h, SLICE("anthropic-version")) ? DIALECT_MESSAGES : DIALECT_CHAT;
}

int call_take_headers(struct call *call, const struct headers *h, struct arena *a)
{
    static const struct slice names[] = {
        SLICE_INIT("anthropic-version"),
        SLICE_INIT("anthropic-beta"),
    };

    if (call->dialect != DIALECT_MESSAGES)
        return OK;
    struct call_header *taken = arena_new_array(a, struct call_header, h->len + 1);
    if (!taken)
        return -ENOMEM;
    for (size_t i = 0; i < h->len; i++)
        for (size_t k = 0; k < ARRAY_LEN(names); k++)
            if (slice_eq_nocase(h->at[i].name, names[k]))
                taken[call->headers_len++] = (struct call_header){names[k], h->at[i].value};
    call->headers = taken;
    return OK;
}
