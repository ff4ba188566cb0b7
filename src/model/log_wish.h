/* log_wish.h: which part of a log is wanted: of the call log, or of stored prompts. Both are read
 * newest first, and neither is ever read as a whole: a search that takes too long ends where it
 * has got to, and goes on from there when it is asked for again. */

#pragma once

#include "base/slice.h"

/* Where in the order of a log: the id and the time of a row, as they were read. */
struct log_place {
    struct slice id, created_at;
};

/* What is empty or 0 asks for nothing, but for limit. */
struct log_wish {
    uint64_t from_wall_us, to_wall_us; /* from ≤ created_at < to */
    struct slice request_id, model;
    int64_t user_id, key_id;
    struct slice status, provider; /* of the call log only */
    struct log_place after;        /* only rows behind it */
    size_t limit;                  /* rows at most */
    uint64_t until_ms;             /* clock_now_ms: look no longer; 0: to the end */
};

struct log_page {
    const void *rows;
    size_t len;
    struct log_place next; /* the next page is behind it; empty: there is none */
};
