/* call.c: what kinds of calls are called. */

#include "model/call.h"

/* github.com/open-telemetry/semantic-conventions-genai, gen_ai.operation.name; to count tokens has
 * no name there */
struct slice call_operation(enum call_kind kind)
{
    static const struct slice names[CALL_KIND_MAX] = {
        [CALL_CHAT] = SLICE_INIT("chat"),
        [CALL_MESSAGES] = SLICE_INIT("chat"),
        [CALL_RESPONSES] = SLICE_INIT("chat"),
        [CALL_COMPLETIONS] = SLICE_INIT("text_completion"),
        [CALL_EMBEDDINGS] = SLICE_INIT("embeddings"),
        [CALL_COUNT_TOKENS] = SLICE_INIT("count_tokens"),
    };

    return names[kind];
}
