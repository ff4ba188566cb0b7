/* rollup_sql.h: the pieces that the SQL of rollup_repo.c and rollup_work.c is put together from.
 * Private to them. */

#pragma once

/* X(number, above, up to): rollup_bounds_ms in milliseconds, and the columns latency_NN, first_NN
 */
#define ROLLUP_EACH_BUCKET(X)                                                                      \
    X(00, -1, 10)                                                                                  \
    X(01, 10, 20)                                                                                  \
    X(02, 20, 50)                                                                                  \
    X(03, 50, 100)                                                                                 \
    X(04, 100, 200)                                                                                \
    X(05, 200, 350)                                                                                \
    X(06, 350, 500)                                                                                \
    X(07, 500, 750)                                                                                \
    X(08, 750, 1000)                                                                               \
    X(09, 1000, 1500)                                                                              \
    X(10, 1500, 2000)                                                                              \
    X(11, 2000, 3000)                                                                              \
    X(12, 3000, 5000)                                                                              \
    X(13, 5000, 7500)                                                                              \
    X(14, 7500, 10000)                                                                             \
    X(15, 10000, 15000)                                                                            \
    X(16, 15000, 20000)                                                                            \
    X(17, 20000, 30000)                                                                            \
    X(18, 30000, 60000)                                                                            \
    X(19, 60000, 120000)

/* The counters before the buckets: X(column, what it counts in rows of usage_logs). A provider may
 * claim what it likes: no sum runs over. What is 0 is NULL, which takes no room and no time. */
#define ROLLUP_EACH_COUNTER(X)                                                                     \
    X(requests, "count(*)")                                                                        \
    X(errors, "count(*) FILTER (WHERE status <> 'ok')")                                            \
    X(attempts, "sum(attempts)")                                                                   \
    X(fallbacks, "count(*) FILTER (WHERE fallback_used)")                                          \
    X(prompt_tokens, ROLLUP_CAPPED("prompt_tokens"))                                               \
    X(completion_tokens, ROLLUP_CAPPED("completion_tokens"))                                       \
    X(total_tokens, ROLLUP_CAPPED("total_tokens"))                                                 \
    X(cached_tokens, ROLLUP_CAPPED("cached_tokens"))                                               \
    X(cache_write_tokens, ROLLUP_CAPPED("cache_write_tokens"))                                     \
    X(reasoning_tokens, ROLLUP_CAPPED("reasoning_tokens"))                                         \
    X(request_bytes, ROLLUP_CAPPED("request_bytes"))                                               \
    X(response_bytes, ROLLUP_CAPPED("response_bytes"))                                             \
    X(latency_ms, "sum(latency_ms)")                                                               \
    X(first_token_ms, "sum(first_token_ms)")                                                       \
    X(first_tokens, "count(first_token_ms)")

#define ROLLUP_CAPPED(column)                                                                      \
    "sum(CASE WHEN " column " > 1000000000000 THEN 1000000000000 ELSE " column " END)"

#define ROLLUP_NAME(column, counted)      ", " #column
#define ROLLUP_LATENCY_NAME(n, above, ms) ", latency_" #n
#define ROLLUP_FIRST_NAME(n, above, ms)   ", first_" #n
#define ROLLUP_SUM(column, counted)       ", sum(" #column ") AS " #column
#define ROLLUP_LATENCY_SUM(n, above, ms)  ", sum(latency_" #n ") AS latency_" #n
#define ROLLUP_FIRST_SUM(n, above, ms)    ", sum(first_" #n ") AS first_" #n
#define ROLLUP_COUNT(column, counted)     ", nullif(" counted ", 0) AS " #column
#define ROLLUP_BUCKET_COUNT(of, above, ms)                                                         \
    "nullif(count(*) FILTER (WHERE " of " > " #above " AND " of " <= " #ms "), 0)"
#define ROLLUP_LATENCY_COUNT(n, above, ms)                                                         \
    ", " ROLLUP_BUCKET_COUNT("latency_ms", above, ms) " AS latency_" #n
#define ROLLUP_FIRST_COUNT(n, above, ms)                                                           \
    ", " ROLLUP_BUCKET_COUNT("first_token_ms", above, ms) " AS first_" #n

/* ", requests, errors …": the columns of usage_sums behind subject, span and start; sums of them;
 * and the same from rows of usage_logs. */
#define ROLLUP_COLUMNS                                                                             \
    ROLLUP_EACH_COUNTER(ROLLUP_NAME)                                                               \
    ROLLUP_EACH_BUCKET(ROLLUP_LATENCY_NAME) ROLLUP_EACH_BUCKET(ROLLUP_FIRST_NAME)
#define ROLLUP_SUMS                                                                                \
    ROLLUP_EACH_COUNTER(ROLLUP_SUM)                                                                \
    ROLLUP_EACH_BUCKET(ROLLUP_LATENCY_SUM) ROLLUP_EACH_BUCKET(ROLLUP_FIRST_SUM)
#define ROLLUP_COUNTS                                                                              \
    ROLLUP_EACH_COUNTER(ROLLUP_COUNT)                                                              \
    ROLLUP_EACH_BUCKET(ROLLUP_LATENCY_COUNT) ROLLUP_EACH_BUCKET(ROLLUP_FIRST_COUNT)

/* Who and what a row of usage_logs is of, as subjects have it. */
#define ROLLUP_OF_ROW                                                                              \
    "user_id, key_id, coalesce(provider, '') AS provider, coalesce(requested_model, '') AS model"
#define ROLLUP_BY_ROW "user_id, key_id, coalesce(provider, ''), coalesce(requested_model, '')"
