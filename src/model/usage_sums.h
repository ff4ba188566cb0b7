/* usage_sums.h: what usage comes to, for a span of time and a group. */

#pragma once

#include "base/slice.h"

enum usage_group {
    USAGE_BY_NOTHING, /* one row */
    USAGE_BY_HOUR,
    USAGE_BY_DAY,
    USAGE_BY_MODEL, /* as it was asked for */
    USAGE_BY_PROVIDER,
    USAGE_BY_USER,
    USAGE_BY_KEY,
};

/* Times are cut to whole hours (UTC): from down, to up. What is empty or 0 asks for nothing. */
struct usage_sums_wish {
    enum usage_group group;
    uint64_t from_wall_us, to_wall_us;
    struct slice model, provider;
    int64_t user_id, key_id;
    size_t limit; /* rows at most: the largest, or the first in time … */
    size_t skip;  /* … behind so many */
    size_t next;  /* told: what to skip for the next page; 0: this is the last */
};

struct usage_times {
    uint64_t p50, p95, p99; /* milliseconds */
};

struct usage_sums {
    struct slice group; /* the hour, the day, or the name; empty: it has none */
    int64_t id;         /* of USAGE_BY_USER, USAGE_BY_KEY */
    uint64_t requests, errors;
    uint64_t prompt_tokens, completion_tokens, total_tokens;
    uint64_t cached_tokens, cache_write_tokens, reasoning_tokens;
    struct usage_times latency, first_token; /* first_token: of those that had one */
};
