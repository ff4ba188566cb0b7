/* openai_completions.h: the wire of OpenAI's Completions, the endpoint that came before chat.
 *
 * Its answers, whole and streamed, are read by openai_chat.h: they differ from chat's only in the
 * name of the text. Source: platform.openai.com, API reference "Completions". Pure. */

#pragma once

#include "base/arena.h"
#include "model/call.h"
#include "model/fault.h"

/* Reads a request by the rules of openai_chat_read. prompt_estimate is the bytes of prompt and
 * suffix / 4: text, or arrays of token numbers, which it overestimates. */
bool openai_completions_read(struct slice body, struct arena *a, struct call *ret,
                             struct fault *ret_fault);
