/* retry_after.h: how long a provider asks us to wait, in all the spellings that are met. */

#pragma once

#include "codec/headers.h"

enum { RETRY_AFTER_MAX_MS = 60 * 60 * 1000 };

/* Milliseconds, at most RETRY_AFTER_MAX_MS; 0: the head does not say. In this order:
 *   retry-after-ms, x-ms-retry-after-ms   milliseconds (OpenAI, Azure)
 *   retry-after                           seconds; a date cannot be told without a clock: ignored
 *   x-ratelimit-reset-…                   "12ms", "6m0s", "2m59.56s", seconds; of limits that have
 *                                         nothing left the longest, else the shortest of all; a
 *                                         point in time (OpenRouter's epoch) is ignored */
uint64_t retry_after_ms(const struct headers *h);
