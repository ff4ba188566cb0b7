/* rollup_sql.h: the pieces that the SQL of rollup_repo.c and rollup_work.c is put together from.
 * Private to them. */

#pragma once

/* X(number, milliseconds): rollup_bounds_ms, and the columns latency_NN and first_NN */
#define ROLLUP_EACH_BUCKET(X)                                                                      \
    X(00, 10)                                                                                      \
    X(01, 20)                                                                                      \
    X(02, 50)                                                                                      \
    X(03, 100)                                                                                     \
    X(04, 200)                                                                                     \
    X(05, 350)                                                                                     \
    X(06, 500)                                                                                     \
    X(07, 750)                                                                                     \
    X(08, 1000)                                                                                    \
    X(09, 1500)                                                                                    \
    X(10, 2000)                                                                                    \
    X(11, 3000)                                                                                    \
    X(12, 5000)                                                                                    \
    X(13, 7500)                                                                                    \
    X(14, 10000)                                                                                   \
    X(15, 15000)                                                                                   \
    X(16, 20000)                                                                                   \
    X(17, 30000)                                                                                   \
    X(18, 60000)                                                                                   \
    X(19, 120000)

#define ROLLUP_LATENCY(n, ms)       ", latency_" #n
#define ROLLUP_FIRST(n, ms)         ", first_" #n
#define ROLLUP_SUM_LATENCY(n, ms)   ", sum(latency_" #n ")"
#define ROLLUP_SUM_FIRST(n, ms)     ", sum(first_" #n ")"
#define ROLLUP_COUNT_LATENCY(n, ms) ", count(*) FILTER (WHERE latency_ms <= " #ms ")"
#define ROLLUP_COUNT_FIRST(n, ms)   ", count(*) FILTER (WHERE first_token_ms <= " #ms ")"

/* What usage_hourly says of an hour. */
#define ROLLUP_COLUMNS                                                                             \
    "hour, day, user_id, key_id, provider, requested_model, served_model, status, requests, "      \
    "attempts, fallbacks, prompt_tokens, completion_tokens, total_tokens, cached_tokens, "         \
    "cache_write_tokens, reasoning_tokens, request_bytes, response_bytes, latency_ms, "            \
    "first_token_ms, first_tokens" ROLLUP_EACH_BUCKET(ROLLUP_LATENCY)                              \
        ROLLUP_EACH_BUCKET(ROLLUP_FIRST)

/* A provider may claim what it likes: no sum runs over. */
#define ROLLUP_CAPPED(column)                                                                      \
    "sum(CASE WHEN " column " > 1000000000000 THEN 1000000000000 ELSE " column " END)"

/* The same from rows of usage_logs u that marks m lead to; $from: what else m and u are asked. The
 * range of ids is what SQLite finds rows by; a server has partitions. */
#define ROLLUP_FROM_ROWS(range, marks, which)                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                     \
    "SELECT m.hour AS hour, m.day AS day, user_id, key_id, coalesce(provider, '') AS provider, "                                                                                                                                                                                                                                                                                                                                                                                                                                                  \
    "coalesce(requested_model, '') AS requested_model, coalesce(served_model, '') AS "                                                                                                                                                                                                                                                                                                                                                                                                                                                            \
    "served_model, status, count(*) AS requests, sum(attempts) AS attempts, "                                                                                                                                                                                                                                                                                                                                                                                                                                                                     \
    "count(*) FILTER (WHERE fallback_used) AS fallbacks, " ROLLUP_CAPPED("prompt_tokens") ","                                                                                                                                                                                                                                                                                                                                                                                                                                                     \
                                                                                          " " ROLLUP_CAPPED(                                                                                                                                                                                                                                                                                                                                                                                                                                      \
                                                                                              "co"                                                                                                                                                                                                                                                                                                                                                                                                                                                \
                                                                                              "mp"                                                                                                                                                                                                                                                                                                                                                                                                                                                \
                                                                                              "le"                                                                                                                                                                                                                                                                                                                                                                                                                                                \
                                                                                              "ti"                                                                                                                                                                                                                                                                                                                                                                                                                                                \
                                                                                              "on"                                                                                                                                                                                                                                                                                                                                                                                                                                                \
                                                                                              "_t"                                                                                                                                                                                                                                                                                                                                                                                                                                                \
                                                                                              "ok"                                                                                                                                                                                                                                                                                                                                                                                                                                                \
                                                                                              "en"                                                                                                                                                                                                                                                                                                                                                                                                                                                \
                                                                                              "s") ", " ROLLUP_CAPPED("total_tokens") ", " ROLLUP_CAPPED("cached_tokens") ", " ROLLUP_CAPPED("cache_write_tokens") ", " ROLLUP_CAPPED("reasoning_tokens") ", " ROLLUP_CAPPED("request_bytes") ", " ROLLUP_CAPPED("response_bytes") ", sum(latency_ms), "                                                                                                                                                                                          \
                                                                                                                                                                                                                                                                                                                                   "coalesce(sum(first_token_ms), 0), count(first_token_ms)" ROLLUP_EACH_BUCKET(ROLLUP_COUNT_LATENCY) ROLLUP_EACH_BUCKET(ROLLUP_COUNT_FIRST) " FROM (" marks                                                      \
                                                                                                                                                                                                                                                                                                                                                                                                                                                                             ") AS m JOIN usage_logs u ON u.created_at >= m.hour AND "            \
                                                                                                                                                                                                                                                                                                                                                                                                                                                                             "u.created_at < m.until" range                                       \
                                                                                                                                                                                                                                                                                                                                                                                                                                                                             " WHERE " which                                                      \
                                                                                                                                                                                                                                                                                                                                                                                                                                                                             " GROUP BY m.hour, m.day, user_id, key_id, coalesce(provider, ''), " \
                                                                                                                                                                                                                                                                                                                                                                                                                                                                             "coalesce(requested_model, ''), coalesce(served_model, ''), status"

#define ROLLUP_RANGE_SQLITE   " AND u.id >= m.low AND u.id <= m.high"
#define ROLLUP_RANGE_POSTGRES ""

/* Hours with a mark that still count, each once, with all of its ids. */
#define ROLLUP_MARKS(which)                                                                        \
    "SELECT hour, min(until) AS until, min(day) AS day, min(low) AS low, max(high) AS high "       \
    "FROM (SELECT hour, until, day, low, high FROM usage_marks UNION ALL "                         \
    "SELECT hour, until, day, low, high FROM usage_hours WHERE hour IN "                           \
    "(SELECT hour FROM usage_marks)) AS known WHERE " which " GROUP BY hour"
#define ROLLUP_COUNTS "hour >= (SELECT hour FROM usage_horizon)"
