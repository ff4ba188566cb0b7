/* openai_chat_words.h: the words for why an answer ended. */

#pragma once

#include "model/answer.h"

/* A word that is not known is STOP_END. */
enum stop_reason openai_stop_read(struct slice finish_reason);
struct slice openai_stop_word(enum stop_reason stop);
