/* openai_chat_words.c: finish_reason in both directions. */

#include "wire/openai_chat_words.h"

enum stop_reason openai_stop_read(struct slice finish_reason)
{
    if (slice_eq(finish_reason, SLICE("length")))
        return STOP_LENGTH;
    if (slice_eq(finish_reason, SLICE("tool_calls")) ||
        slice_eq(finish_reason, SLICE("function_call")))
        return STOP_TOOLS;
    if (slice_eq(finish_reason, SLICE("content_filter")))
        return STOP_FILTERED;
    return STOP_END;
}

struct slice openai_stop_word(enum stop_reason stop)
{
    switch (stop) {
    case STOP_LENGTH:
        return SLICE("length");
    case STOP_TOOLS:
        return SLICE("tool_calls");
    case STOP_FILTERED:
        return SLICE("content_filter");
    default:
        return SLICE("stop");
    }
}
