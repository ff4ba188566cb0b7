/* anthropic_messages.h: the wire of Anthropic's Messages, as far as a gateway must read it that
 * passes it on.
 *
 * Source: docs.anthropic.com, API reference "Messages". Pure. */

#pragma once

#include "base/arena.h"
#include "model/call.h"
#include "model/fault.h"

/* Reads a request by the rules of openai_chat_read: validates it as JSON and the types of the
 * members it knows (model, messages, system, stream, max_tokens); everything else passes unseen, a
 * known member that stands twice is refused. prompt_estimate is the bytes of system, tools and
 * messages / 4. False: *ret_fault says which member and why. Text of ret lives in body or arena. */
bool anthropic_messages_read(struct slice body, struct arena *a, struct call *ret,
                             struct fault *ret_fault);
