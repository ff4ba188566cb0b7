/* openai_answers.h: what the ops of OpenAI's dialect share, on both ways. Private to adapter. */

#pragma once

#include "adapter/encoding.h"
#include "wire/openai_chat.h"

/* encoding_head, at the endpoint of the call's kind. -ENOMEM. */
int openai_head(const struct target *t, const struct call *c, struct arena *a,
                struct http_message *ret);
/* Adds what the rules of the target's row make of the members of a chat request, which is a valid
 * object. -EINVAL: one cannot be passed, *ret_fault names it. */
int openai_edit_members(const struct target *t, struct slice body, struct arena *a,
                        struct edits *ret, struct fault *ret_fault);

/* A body that is an error object: its fault, and for a refusal the body. */
void openai_read_refusal(struct slice body, struct fault *ret);
/* openai_chat_read_event; an event named error is one, whatever it says. */
int openai_read_frame(struct openai_chat_stream *s, struct slice name, struct slice data,
                      struct event *ret);
