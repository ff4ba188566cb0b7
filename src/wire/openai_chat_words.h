/* openai_chat_words.h: why an answer ended, in the words of Chat Completions. */

#pragma once

#include "codec/json.h"
#include "model/answer.h"

/* The members of a choice that tell it: the stop sequence stands in stop_reason (vLLM) or
 * matched_stop (SGLang); a number there is the end token. */
enum { OPENAI_FINISH_LEN = 3 };
#define OPENAI_FINISH_MEMBERS                                                                      \
    {SLICE_INIT("finish_reason")}, {SLICE_INIT("stop_reason")},                                    \
    {                                                                                              \
        SLICE_INIT("matched_stop")                                                                 \
    }

/* v: their values. STOP_NONE when there is no finish_reason, STOP_END for a word that is not known.
 * *ret_sequence: text; empty where the provider does not tell it. */
enum stop_reason openai_finish_read(const struct json_value v[OPENAI_FINISH_LEN],
                                    struct slice *ret_sequence);
struct slice openai_stop_word(enum stop_reason stop);
