/* usage_sums_writer.h: statistics as JSON. */

#pragma once

#include "base/arena.h"
#include "model/usage_sums.h"

/* {"from":…,"to":…,"group_by":…,"data":[…],"next":…}; .at NULL: out of memory. */
struct slice usage_sums_json(const struct usage_sums_wish *wish, const struct usage_sums *rows,
                             size_t n, struct arena *a);
/* "hour": the word for a group; ended by NULL. */
extern const char *const usage_group_words[];
