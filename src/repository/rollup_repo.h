/* rollup_repo.h: what usage comes to, exactly and at any time: from the table usage_sums, and from
 * usage_logs where that does not know yet (usage_marks). Blocking; errors as in repository.h.
 *
 * Times are whole hours, UTC. What is older than the retention of usage_logs stays in the sums. */

#pragma once

#include "base/arena.h"
#include "model/record.h"

struct db;

enum { ROLLUP_BUCKETS = 20 };
/* The upper bounds of the buckets, milliseconds. */
extern const uint32_t rollup_bounds_ms[ROLLUP_BUCKETS];

struct rollup_sums {
    uint64_t requests, errors; /* errors: all whose status is not ok */
    uint64_t attempts, fallbacks;
    /* of a single record at most 10^12 are counted */
    uint64_t prompt_tokens, completion_tokens, total_tokens;
    uint64_t cached_tokens, cache_write_tokens, reasoning_tokens;
    uint64_t request_bytes, response_bytes;
    uint64_t latency_ms, first_token_ms; /* divide by requests, and by first_tokens */
    uint64_t first_tokens;               /* requests that had a first token */
    /* how many took at most rollup_bounds_ms[i]: each includes those before it */
    uint64_t latency[ROLLUP_BUCKETS], first[ROLLUP_BUCKETS];
};

/* The time that the share (0.95) of `total` took at most, from buckets: interpolated within one,
 * the last bound when it is beyond. 0: there were none. */
uint64_t rollup_percentile(const uint64_t buckets[ROLLUP_BUCKETS], uint64_t total, double share);

enum rollup_group {
    ROLLUP_TOTAL, /* one row */
    ROLLUP_HOUR,
    ROLLUP_DAY,
    ROLLUP_MODEL, /* as it was asked for */
    ROLLUP_PROVIDER,
    ROLLUP_USER,
    ROLLUP_KEY,
};

struct rollup_query {
    enum rollup_group group;
    /* from: the start of its hour; until: rounded up to a full hour */
    uint64_t from_wall_us, until_wall_us;
    int64_t user_id, key_id;      /* 0: all */
    struct slice model, provider; /* model: as asked for; empty: all */
    size_t limit, skip;           /* rows at most, behind so many */
};

struct rollup_row {
    uint64_t start_wall_us; /* of ROLLUP_HOUR, ROLLUP_DAY */
    struct slice name;      /* of ROLLUP_MODEL, ROLLUP_PROVIDER; may be empty: none */
    int64_t id;             /* of ROLLUP_USER, ROLLUP_KEY */
    struct rollup_sums sums;
};

/* Hours and days in their order, the rest by requests, most first. Hours without requests have no
 * row. Text in the arena. */
int rollup_repo_sum(struct db *db, const struct rollup_query *query, struct arena *a,
                    struct rollup_row **ret, size_t *ret_len);

/* --- for those who keep the books --- */

/* Marks the minutes of records that are written in this transaction. */
int rollup_repo_mark(struct db *db, const struct record *records, size_t n);
/* Works out one span of time that was over by then: a minute (or an hour) with marks, else a longer
 * one, else ends what minutes of old hours left; DB_ROW (1): there may be more to do; OK: there was
 * nothing. A transaction of its own. */
int rollup_repo_roll(struct db *db, uint64_t over_by_wall_us);
/* Writes into api_keys.last_used_at when keys were used, by the rows since then: one statement, and
 * the catalog does not move. */
int rollup_repo_note_use(struct db *db, uint64_t since_wall_us);
