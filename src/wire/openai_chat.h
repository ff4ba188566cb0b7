/* openai_chat.h: the wire of OpenAI's Chat Completions, as far as a gateway must read it.
 *
 * Source: platform.openai.com, API reference "Chat" and "Errors". Pure. */

#pragma once

#include "base/arena.h"
#include "model/call.h"
#include "model/event.h"
#include "model/fault.h"
#include "model/reply.h"

/* Reads a request. Validates it as JSON and the types of the members it knows (model, messages,
 * stream, stream_options, max_tokens, max_completion_tokens); everything else passes unseen. False:
 * *ret_fault says which member and why. Text of ret lives in body or arena. */
bool openai_chat_read(struct slice body, struct arena *a, struct call *ret, struct fault *ret_fault);
/* Reads usage of a buffered answer. -EBADMSG: not a JSON object; -EPROTO: an error object. */
int openai_chat_read_reply(struct slice body, struct reply *ret);
/* Reads one frame's data. Cheap for the common chunk: nothing is parsed that is not needed. */
int openai_chat_read_event(struct slice data, struct event *ret);
/* Reads {"error":{…}}: type, code and param as text, empty when absent. False: no error object. */
struct openai_error {
    struct slice message, type, param, code;
};
bool openai_error_read(struct slice body, struct openai_error *ret);
