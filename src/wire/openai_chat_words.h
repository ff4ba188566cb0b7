/* openai_chat_words.h: why an answer ended, in the words of Chat Completions. */

#pragma once

#include "model/answer.h"

/* Of a validated choice. *ret is STOP_NONE when it has no finish_reason, STOP_END for a word that
 * is not known. *ret_sequence: text; the stop sequence, where the provider tells which. -EBADMSG:
 * a member stands twice. */
int openai_finish_read(struct slice choice, enum stop_reason *ret, struct slice *ret_sequence);
struct slice openai_stop_word(enum stop_reason stop);
