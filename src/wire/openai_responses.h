/* openai_responses.h: the wire of OpenAI's Responses, as far as a gateway must read it that passes
 * it on.
 *
 * Source: platform.openai.com, API reference "Responses" and "Streaming events". Pure. */

#pragma once

#include "base/arena.h"
#include "model/call.h"
#include "model/event.h"
#include "model/fault.h"
#include "model/reply.h"

/* Reads a request by the rules of openai_chat_read. prompt_estimate is the bytes of instructions,
 * input and tools / 4. An answer that is made in the background is refused unless it is streamed:
 * it would have to be fetched, and only its provider knows it. */
bool openai_responses_read(struct slice body, struct arena *a, struct call *ret,
                           struct fault *ret_fault);
/* Reads usage of a buffered answer. -EBADMSG: not one whole object (json_outline); -EPROTO: an
 * error object, or a response that failed. */
int openai_responses_read_reply(struct slice body, struct reply *ret);

/* What is remembered from frame to frame of one stream; zeroed at its start. */
struct openai_responses_stream {
    bool wants_text; /* the caller's wish: fill event.text */
};

/* Reads one frame, by the type in it, else by the event's name. Content are the deltas and partial
 * images; response.completed and response.incomplete are the end and carry the usage;
 * response.failed and error are errors. -EBADMSG: not JSON, which the [DONE] of other endpoints is
 * too: no end. */
int openai_responses_read_event(struct openai_responses_stream *s, struct slice name,
                                struct slice data, struct event *ret);
