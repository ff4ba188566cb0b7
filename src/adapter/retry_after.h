/* retry_after.h: how long a provider asks us to wait, in all the spellings that are met. */

#pragma once

#include "codec/headers.h"

enum { RETRY_AFTER_MAX_MS = 60 * 60 * 1000 };

/* Milliseconds, at most RETRY_AFTER_MAX_MS; 0: the head does not say. In this order:
 *   retry-after-ms, x-ms-retry-after-ms   milliseconds (OpenAI, Azure)
 *   retry-after                           seconds, or an HTTP date
 *   x-ratelimit-reset-…                   "12ms", "6m0s", "2m59.56s", seconds, a moment since 1970
 *   anthropic-ratelimit-…-reset           RFC 3339
 * Of limits that have nothing left the longest wait counts, else the shortest of all. A moment is
 * counted from the answer's own `date`; without one it is ignored. */
uint64_t retry_after_ms(const struct headers *h);
/* The same of a text, "36.5s"; 0: it does not say. */
uint64_t retry_after_text(struct slice text);
