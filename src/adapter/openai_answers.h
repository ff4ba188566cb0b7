/* openai_answers.h: what both ops of OpenAI's dialect share. Private to adapter. */

#pragma once

#include "adapter/encoding.h"
#include "wire/openai_chat.h"

extern const struct encoding_place openai_chat_place;

/* A body that is an error object: its fault, and for a refusal the body. */
void openai_read_refusal(struct slice body, struct fault *ret);
/* openai_chat_read_event; an event named error is one, whatever it says. */
int openai_read_frame(struct openai_chat_stream *s, struct slice name, struct slice data,
                      struct event *ret);
