/* rollup_plan.h: which sums, and which rows, a time is put together from. Pure.
 *
 * A span of time is told by its length and its start, both in minutes (since 1970, UTC), and starts
 * at a multiple of its length. Of the spans that were worked out the plan takes the longest that
 * lie within the question and hold no mark, so that few sums are read; a minute with a mark is
 * counted from its rows. Private to repository/. */

#pragma once

#include "base/arena.h"

/* The lengths, each a multiple of the one before it. */
enum { ROLLUP_MINUTE, ROLLUP_HOUR_LEVEL, ROLLUP_LEVELS = 6 };
extern const uint32_t rollup_lengths[ROLLUP_LEVELS];

struct rollup_span {
    uint32_t length;
    uint64_t start;
    struct slice low, high; /* least and greatest id of its rows; empty: not known */
};

struct rollup_mark {
    uint64_t minute;
    struct slice low, high;
};

/* What is known of the time that is asked for. */
struct rollup_known {
    uint64_t from, until;            /* minutes, multiples of 60 */
    const struct rollup_span *spans; /* by length, then start */
    size_t spans_len;
    const struct rollup_mark *marks; /* by minute, each once */
    size_t marks_len;
};

struct rollup_runs {
    struct rollup_run {
        uint32_t length; /* of each of its spans */
        uint64_t from, until;
    } * sums;
    size_t sums_len;
    struct rollup_rows {
        uint64_t from, until;
        struct slice low, high; /* ids of the rows lie within */
    } * rows;
    size_t rows_len;
};

/* longest: no longer spans than this level. -ENOMEM. */
int rollup_plan(const struct rollup_known *known, size_t longest, struct arena *a,
                struct rollup_runs *ret);
