/* anthropic_usage.h: the usage object of Anthropic's dialect and the disjoint counters. */

#pragma once

#include "codec/json.h"
#include "model/usage.h"

/* value: the member `usage`. Its counts are cumulative: what it tells replaces what *usage holds,
 * what it does not tell stays. False, with *usage untouched, when it is absent, null or tells no
 * tokens. An explicit zero is a value. Counts above 2^53 are taken as 2^53.
 *
 * input_tokens is what was neither read from nor written to a cache; thinking is part of
 * output_tokens and not told apart. Kimi and Qwen tell the whole prompt in it at the start of a
 * stream, where nothing is known of the cache, and the true figures at its end. Kimi also tells
 * prompt_tokens, the whole prompt, which then counts, whatever input_tokens holds. Sources:
 * github.com/maximhq/bifrost/issues/5510, github.com/maximhq/bifrost/pull/5355. */
bool anthropic_usage_merge(struct json_value value, struct usage *usage);

enum { ANTHROPIC_USAGE_ROOM = 256 };
/* The object that a client gets; it lies in room. */
struct slice anthropic_usage_write(const struct usage *usage, char room[ANTHROPIC_USAGE_ROOM]);
