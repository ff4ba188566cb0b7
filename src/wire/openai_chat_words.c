/* openai_chat_words.c: finish_reason in both directions. */

#include "wire/openai_chat_words.h"

#include "wire/inside.h"

static enum stop_reason read_word(struct slice finish_reason)
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

enum stop_reason openai_finish_read(const struct json_value v[OPENAI_FINISH_LEN],
                                    struct slice *ret_sequence)
{
    struct slice word = inside_of(v[0]), sequence = inside_of(v[1]);

    *ret_sequence = (struct slice){0};
    if (slice_is_empty(word))
        return STOP_NONE;
    if (slice_is_empty(sequence))
        sequence = inside_of(v[2]);
    if (!slice_eq(word, SLICE("stop")) || slice_is_empty(sequence))
        return read_word(word);
    *ret_sequence = sequence;
    return STOP_SEQUENCE;
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
