/* rollup_repo.c: usage summed up for whoever asks; see rollup_repo.h. */

#include "repository/rollup_repo.h"

#include "repository/columns.h"
#include "repository/rollup_sql.h"

#include <errno.h>

#define BOUND(n, ms) ms,
const uint32_t rollup_bounds_ms[ROLLUP_BUCKETS] = {ROLLUP_EACH_BUCKET(BOUND)};

/* for a server that counts the rows of an hour that goes on */
enum { PATIENCE_MS = 30000 };

enum { HOUR_MS = 3600000 };
#define HOUR_US ((uint64_t)HOUR_MS * 1000)

/* --- the questions --- */

/* $1, $2: the hours; $3 … $6: who and what, none: all */
#define ASKED                                                                                      \
    "($3 = '' OR user_id = CAST(nullif($3, '') AS BIGINT)) AND ($4 = '' OR key_id = "              \
    "CAST(nullif($4, '') AS BIGINT)) "                                                             \
    "AND ($5 = '' OR requested_model = $5) AND ($6 = '' OR provider = $6)"

#define SUMS                                                                                       \
    "sum(requests), sum(CASE WHEN status = 'ok' THEN 0 ELSE requests END), sum(attempts), "        \
    "sum(fallbacks), sum(prompt_tokens), sum(completion_tokens), sum(total_tokens), "              \
    "sum(cached_tokens), sum(cache_write_tokens), sum(reasoning_tokens), sum(request_bytes), "     \
    "sum(response_bytes), sum(latency_ms), sum(first_token_ms), "                                  \
    "sum(first_tokens)" ROLLUP_EACH_BUCKET(ROLLUP_SUM_LATENCY)                                     \
        ROLLUP_EACH_BUCKET(ROLLUP_SUM_FIRST)

#define QUESTION(what, end, range)                                                                 \
    "SELECT " what ", " SUMS " FROM (SELECT " ROLLUP_COLUMNS                                       \
    " FROM usage_hourly WHERE hour >= $1 AND hour < $2 AND hour NOT IN "                           \
    "(SELECT hour FROM usage_marks WHERE " ROLLUP_COUNTS ") AND " ASKED                            \
    " UNION ALL " ROLLUP_FROM_ROWS(range,                                                          \
                                   ROLLUP_MARKS("hour >= $1 AND hour < $2 AND " ROLLUP_COUNTS),    \
                                   ASKED) ") AS counted" end " LIMIT CAST($7 AS BIGINT) "          \
                                          "OFFSET CAST($8 AS BIGINT)"

#define OF_TIME(column) column ", '', 0", " GROUP BY " column " ORDER BY 1"
#define OF_NAME(column) "'', " column ", 0", " GROUP BY " column " ORDER BY sum(requests) DESC, 2"
#define OF_ID(column)   "'', '', " column, " GROUP BY " column " ORDER BY sum(requests) DESC, 3"

/* a list of two arguments, so that it is taken apart before QUESTION looks */
#define ASK(...) QUESTION(__VA_ARGS__)

#define QUESTIONS(range)                                                                           \
    {                                                                                              \
        [ROLLUP_TOTAL] = ASK("'', '', 0", "", range), [ROLLUP_HOUR] = ASK(OF_TIME("hour"), range), \
        [ROLLUP_DAY] = ASK(OF_TIME("day"), range),                                                 \
        [ROLLUP_MODEL] = ASK(OF_NAME("requested_model"), range),                                   \
        [ROLLUP_SERVED] = ASK(OF_NAME("served_model"), range),                                     \
        [ROLLUP_PROVIDER] = ASK(OF_NAME("provider"), range),                                       \
        [ROLLUP_USER] = ASK(OF_ID("user_id"), range), [ROLLUP_KEY] = ASK(OF_ID("key_id"), range),  \
        [ROLLUP_STATUS] = ASK(OF_NAME("status"), range),                                           \
    }

static const char *const questions_sqlite[ROLLUP_GROUPS] = QUESTIONS(ROLLUP_RANGE_SQLITE);
static const char *const questions_postgres[ROLLUP_GROUPS] = QUESTIONS(ROLLUP_RANGE_POSTGRES);

/* --- the answers --- */

static void read_buckets(struct columns *c, uint64_t buckets[ROLLUP_BUCKETS])
{
    for (size_t i = 0; i < ROLLUP_BUCKETS; i++)
        buckets[i] = columns_u64(c);
}

static void read_sums(struct columns *c, struct rollup_sums *sums)
{
    uint64_t *const counters[] = {
        &sums->requests,         &sums->errors,         &sums->attempts,
        &sums->fallbacks,        &sums->prompt_tokens,  &sums->completion_tokens,
        &sums->total_tokens,     &sums->cached_tokens,  &sums->cache_write_tokens,
        &sums->reasoning_tokens, &sums->request_bytes,  &sums->response_bytes,
        &sums->latency_ms,       &sums->first_token_ms, &sums->first_tokens,
    };

    for (size_t i = 0; i < ARRAY_LEN(counters); i++)
        *counters[i] = columns_u64(c);
    read_buckets(c, sums->latency);
    read_buckets(c, sums->first);
}

static void read_row(struct columns *c, void *to)
{
    struct rollup_row *row = to;

    row->start_wall_us = columns_time(c);
    row->name = columns_text(c);
    row->id = columns_i64(c);
    read_sums(c, &row->sums);
}

static struct slice id_text(struct arena *a, int64_t id)
{
    return id ? arena_printf(a, "%lld", (long long)id) : SLICE("");
}

int rollup_repo_sum(struct db *db, const struct rollup_query *query, struct arena *a,
                    struct rollup_row **ret, size_t *ret_len)
{
    const char *const *questions = db_can_copy(db) ? questions_postgres : questions_sqlite;
    struct row_list list = {.a = a, .row_size = sizeof(struct rollup_row)};
    char from[TIME_TEXT], until[TIME_TEXT];
    struct db_statement *s;
    int rc = db_prepare(db, questions[query->group], &s);

    if (rc < 0)
        return rc;
    struct slice user = id_text(a, query->user_id), key = id_text(a, query->key_id);
    if (!user.at || !key.at)
        return -ENOMEM;
    bind_time(s, 1, MAX(query->from_wall_us / HOUR_US * HOUR_US, 1u), from);
    bind_time(s, 2, MAX((query->until_wall_us + HOUR_US - 1) / HOUR_US * HOUR_US, 1u), until);
    db_bind_text(s, 3, user);
    db_bind_text(s, 4, key);
    db_bind_text(s, 5, query->model);
    db_bind_text(s, 6, query->provider);
    db_bind_u64(s, 7, query->limit);
    db_bind_u64(s, 8, query->skip);
    unsigned patience = db_patience(db);
    db_set_patience(db, MAX(patience, (unsigned)PATIENCE_MS));
    rc = row_list_fill(&list, s, read_row);
    db_set_patience(db, patience);
    *ret = (struct rollup_row *)(void *)list.at;
    *ret_len = list.len;
    return rc;
}

uint64_t rollup_percentile(const uint64_t buckets[ROLLUP_BUCKETS], uint64_t total, double share)
{
    double wanted = (double)total * share, before = 0, from = 0;

    if (total == 0)
        return 0;
    for (size_t i = 0; i < ROLLUP_BUCKETS; i++) {
        double here = (double)buckets[i], bound = rollup_bounds_ms[i];
        if (here >= wanted && here > before)
            return (uint64_t)(from + (bound - from) * (wanted - before) / (here - before) + 0.5);
        before = here;
        from = bound;
    }
    return rollup_bounds_ms[ROLLUP_BUCKETS - 1];
}
