/* openai_usage.h: the usage object of OpenAI's dialect and the disjoint counters. */

#pragma once

#include "codec/json.h"
#include "model/usage.h"

/* value: the member `usage`, as json_scan or json_outline found it. False, with *ret untouched,
 * when it is absent, null or tells no tokens. An explicit zero is a value. Counts above 2^53 are
 * taken as 2^53.
 *
 * Cached tokens are read as prompt_tokens_details.cached_tokens, as cached_tokens (Moonshot) and as
 * prompt_cache_hit_tokens (DeepSeek); tokens written to a cache as
 * prompt_tokens_details.cache_write_tokens (OpenRouter). completion_tokens include the reasoning
 * tokens, but where the total says that they come on top (xAI; Gemini, which tells them nowhere
 * else: github.com/mozilla-ai/any-llm/issues/1290). */
bool openai_usage_read(struct json_value value, struct usage *ret);
/* The same of Responses: input_tokens, output_tokens and their details. */
bool openai_responses_usage_read(struct json_value value, struct usage *ret);

enum { OPENAI_USAGE_ROOM = 448 };
/* The object that a client gets; it lies in room. */
struct slice openai_usage_write(const struct usage *usage, char room[OPENAI_USAGE_ROOM]);
