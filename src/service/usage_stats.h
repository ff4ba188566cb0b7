/* usage_stats.h: statistics of what was used: exact sums, and percentiles of times. Blocking: for
 * the yard. */

#pragma once

#include "base/arena.h"
#include "model/usage_sums.h"

struct admin;

/* What the wish asks for; hours and days in their order, the rest by requests, most first. The
 * store's -errno. Cuts the wish's times and fills in `next`. */
int usage_stats(struct admin *a, struct usage_sums_wish *wish, struct arena *arena,
                struct usage_sums **ret, size_t *ret_len);
