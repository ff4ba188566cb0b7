/* openai_embeddings.h: the wire of OpenAI's Embeddings, as far as a gateway must read it.
 *
 * Source: platform.openai.com, API reference "Embeddings". Pure. */

#pragma once

#include "base/arena.h"
#include "model/call.h"
#include "model/fault.h"
#include "model/reply.h"

/* Reads a request by the rules of openai_chat_read; it is never a stream. prompt_estimate is the
 * bytes of input / 4: text, or arrays of token numbers, which it overestimates. */
bool openai_embeddings_read(struct slice body, struct arena *a, struct call *ret,
                            struct fault *ret_fault);
/* Reads usage of an answer. -EBADMSG: not one whole object (json_outline); -EPROTO: an error
 * object. */
int openai_embeddings_read_reply(struct slice body, struct reply *ret);
