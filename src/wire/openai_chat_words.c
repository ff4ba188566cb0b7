/* openai_chat_words.c: finish_reason in both directions. */

#include "wire/openai_chat_words.h"

#include "wire/inside.h"

#include <errno.h>

enum { FINISH_REASON, STOP_REASON, MATCHED_STOP, FINISH_LEN };

/* The sequence stands in stop_reason (vLLM) or matched_stop (SGLang); a number there is the end
 * token. */
static const struct json_member finish_members[FINISH_LEN] = {
    [FINISH_REASON] = {SLICE_INIT("finish_reason")},
    [STOP_REASON] = {SLICE_INIT("stop_reason")},
    [MATCHED_STOP] = {SLICE_INIT("matched_stop")},
};

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

int openai_finish_read(struct slice choice, enum stop_reason *ret, struct slice *ret_sequence)
{
    struct json_value v[FINISH_LEN];

    *ret = STOP_NONE;
    *ret_sequence = (struct slice){0};
    if (!json_members(choice, finish_members, FINISH_LEN, v))
        return -EBADMSG;
    struct slice word = inside_of(v[FINISH_REASON]);
    if (slice_is_empty(word))
        return OK;

    *ret = read_word(word);
    struct slice sequence = inside_of(v[STOP_REASON]);
    if (slice_is_empty(sequence))
        sequence = inside_of(v[MATCHED_STOP]);
    if (slice_eq(word, SLICE("stop")) && !slice_is_empty(sequence)) {
        *ret = STOP_SEQUENCE;
        *ret_sequence = sequence;
    }
    return OK;
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
