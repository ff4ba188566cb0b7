/* rollup_repo.c: usage summed up for whoever asks; see rollup_repo.h. */

#include "repository/rollup_repo.h"

#include "base/buf.h"
#include "base/clock.h"
#include "repository/columns.h"
#include "repository/rollup_plan.h"
#include "repository/rollup_sql.h"

#include <errno.h>

#define BOUND(n, above, ms) ms,
const uint32_t rollup_bounds_ms[ROLLUP_BUCKETS] = {ROLLUP_EACH_BUCKET(BOUND)};

/* for a server that counts the rows of an hour that was begun anew */
enum { PATIENCE_MS = 30000 };

#define MINUTE_US ((uint64_t)60 * 1000000)
enum { HOUR_MINUTES = 60, DAY_MINUTES = 24 * 60, RUNS_MAX = 16 << 20 };

/* --- what is known of a time --- */

static const char known_spans[] =
    "SELECT span, start, low, high FROM usage_spans WHERE start >= $1 AND start < $2 "
    "ORDER BY span, start";
static const char known_marks[] =
    "SELECT minute, min(low), max(high) FROM usage_marks WHERE minute >= $1 AND minute < $2 "
    "AND minute >= (SELECT minute FROM usage_horizon) GROUP BY minute ORDER BY minute";

static void read_span(struct columns *c, void *to)
{
    struct rollup_span *span = to;

    span->length = (uint32_t)columns_u64(c);
    span->start = columns_u64(c);
    span->low = columns_text(c);
    span->high = columns_text(c);
}

static void read_mark(struct columns *c, void *to)
{
    struct rollup_mark *mark = to;

    mark->minute = columns_u64(c);
    mark->low = columns_text(c);
    mark->high = columns_text(c);
}

static int fill(struct db *db, const char *sql, const struct rollup_known *of,
                void (*read)(struct columns *c, void *row), struct row_list *list)
{
    struct db_statement *s;
    int rc = db_prepare(db, sql, &s);

    if (rc < 0)
        return rc;
    db_bind_u64(s, 1, of->from);
    db_bind_u64(s, 2, of->until);
    return row_list_fill(list, s, read);
}

/* 0: the group is not one of times. */
static uint32_t bucket_minutes(enum rollup_group group)
{
    return group == ROLLUP_HOUR ? HOUR_MINUTES : group == ROLLUP_DAY ? DAY_MINUTES : 0;
}

/* A span is in one bucket. */
static size_t longest_for(enum rollup_group group)
{
    size_t level = ROLLUP_LEVELS - 1;
    uint32_t most = bucket_minutes(group);

    while (most && rollup_lengths[level] > most)
        level--;
    return level;
}

static int plan(struct db *db, const struct rollup_query *query, struct arena *a,
                struct rollup_runs *ret)
{
    const uint64_t hour_us = HOUR_MINUTES * MINUTE_US;
    struct row_list spans = {.a = a, .row_size = sizeof(struct rollup_span)};
    struct row_list marks = {.a = a, .row_size = sizeof(struct rollup_mark)};
    struct rollup_known known = {
        .from = query->from_wall_us / hour_us * HOUR_MINUTES,
        .until = (query->until_wall_us + hour_us - 1) / hour_us * HOUR_MINUTES,
    };
    int rc = fill(db, known_spans, &known, read_span, &spans);

    if (rc == OK)
        rc = fill(db, known_marks, &known, read_mark, &marks);
    if (rc < 0)
        return rc;
    known.spans = (struct rollup_span *)(void *)spans.at;
    known.spans_len = spans.len;
    known.marks = (struct rollup_mark *)(void *)marks.at;
    known.marks_len = marks.len;
    return rollup_plan(&known, longest_for(query->group), a, ret);
}

/* --- the question --- */

/* $1, $2: runs of spans, and of rows, as JSON */
#define RUNS_SQLITE                                                                                \
    "run AS MATERIALIZED (SELECT json_extract(value, '$[0]') AS span, "                            \
    "json_extract(value, '$[1]') AS low, json_extract(value, '$[2]') AS high "                     \
    "FROM json_each($1)), "                                                                        \
    "row_run AS MATERIALIZED (SELECT json_extract(value, '$[0]') AS start, "                       \
    "json_extract(value, '$[1]') AS since, json_extract(value, '$[2]') AS until, "                 \
    "json_extract(value, '$[3]') AS low, json_extract(value, '$[4]') AS high "                     \
    "FROM json_each($2))"
#define RUNS_POSTGRES                                                                              \
    "run AS MATERIALIZED (SELECT CAST(r ->> 0 AS integer) AS span, CAST(r ->> 1 AS bigint) "       \
    "AS low, CAST(r ->> 2 AS bigint) AS high FROM jsonb_array_elements(CAST($1 AS jsonb)) AS r), " \
    "row_run AS MATERIALIZED (SELECT CAST(r ->> 0 AS bigint) AS start, "                           \
    "CAST(r ->> 1 AS timestamptz) AS since, CAST(r ->> 2 AS timestamptz) AS until, "               \
    "CAST(r ->> 3 AS uuid) AS low, CAST(r ->> 4 AS uuid) AS high "                                 \
    "FROM jsonb_array_elements(CAST($2 AS jsonb)) AS r)"

/* $3: the cut; $4 … $9: who and what; $10: the group; $11, $12: the page; $13, $14: between which
 * times rows are; $15: minutes of a bucket */
#define KEYS_AND_USERS(table)                                                                      \
    table ".key_id >= CAST($4 AS bigint) AND " table ".key_id <= CAST($5 AS bigint) AND " table    \
          ".user_id >= CAST($6 AS bigint) AND " table ".user_id <= CAST($7 AS bigint)"
#define OF_SUBJECT                                                                                 \
    "s.cut = CAST($3 AS integer) AND " KEYS_AND_USERS(                                             \
        "s") " AND ($8 = '' OR s.provider = $8) AND ($9 = '' OR s.model = $9)"
#define OF_ROW                                                                                     \
    KEYS_AND_USERS("u")                                                                            \
    " AND ($8 = '' OR u.provider = $8) AND ($9 = '' OR u.requested_model = "                       \
    "$9)"

#define IN_RUN                                                                                     \
    "t.subject = s.id AND t.span = run.span AND t.start >= run.low AND t.start < run.high"
#define SUMS_SQLITE   "usage_sums t WHERE " IN_RUN " AND "
#define SUMS_POSTGRES "LATERAL (SELECT * FROM usage_sums t WHERE " IN_RUN " OFFSET 0) AS t WHERE "

/* Subject by subject, each with its spans side by side: what needs no buckets needs no sort. A
 * server would read all sums: it cannot know how few the runs are. */
#define FROM_SUMS(bucket, and_bucket, sums)                                                        \
    "SELECT " bucket " AS bucket, s.user_id, s.key_id, s.provider, s.model" ROLLUP_SUMS            \
    " FROM usage_subjects s CROSS JOIN run CROSS JOIN " sums OF_SUBJECT                            \
    " GROUP BY s.id" and_bucket
/* the ids are what SQLite finds rows by, $13 and $14 what a server finds partitions by */
#define FROM_ROWS(bucket, and_bucket)                                                              \
    "SELECT " bucket " AS bucket, " ROLLUP_OF_ROW ROLLUP_COUNTS                                    \
    " FROM row_run r CROSS JOIN usage_logs u WHERE u.created_at >= r.since "                       \
    "AND u.created_at < r.until AND u.id >= r.low AND u.id <= r.high "                             \
    "AND u.created_at >= $13 AND u.created_at < $14 AND " OF_ROW                                   \
    " GROUP BY " ROLLUP_BY_ROW and_bucket
#define NAMED                                                                                      \
    "SELECT *, CASE CAST($10 AS integer) WHEN 3 THEN model WHEN 4 THEN provider ELSE '' END AS "   \
    "name, CASE CAST($10 AS integer) WHEN 5 THEN user_id WHEN 6 THEN key_id ELSE 0 END AS id "     \
    "FROM counted"
_Static_assert(ROLLUP_MODEL == 3 && ROLLUP_PROVIDER == 4 && ROLLUP_USER == 5 && ROLLUP_KEY == 6,
               "what NAMED calls them");

#define QUESTION(runs, sums, rows)                                                                 \
    "WITH " runs ", counted AS (" sums " UNION ALL " rows "), named AS (" NAMED                    \
    ") SELECT bucket, name, id" ROLLUP_SUMS " FROM named GROUP BY bucket, name, id "               \
    "ORDER BY 1, 4 DESC, 2, 3 LIMIT CAST($11 AS bigint) OFFSET CAST($12 AS bigint)"

#define BUCKET_OF(start) start " / CAST($15 AS bigint)"
#define BY_TIME(runs, sums)                                                                        \
    QUESTION(runs, FROM_SUMS(BUCKET_OF("t.start"), ", bucket", sums),                              \
             FROM_ROWS(BUCKET_OF("r.start"), ", bucket"))
#define AT_ONCE(runs, sums) QUESTION(runs, FROM_SUMS("0", "", sums), FROM_ROWS("0", ""))

static const char by_time_sqlite[] = BY_TIME(RUNS_SQLITE, SUMS_SQLITE);
static const char by_time_postgres[] = BY_TIME(RUNS_POSTGRES, SUMS_POSTGRES);
static const char at_once_sqlite[] = AT_ONCE(RUNS_SQLITE, SUMS_SQLITE);
static const char at_once_postgres[] = AT_ONCE(RUNS_POSTGRES, SUMS_POSTGRES);

static const char *question(struct db *db, enum rollup_group group)
{
    if (bucket_minutes(group))
        return db_can_copy(db) ? by_time_postgres : by_time_sqlite;
    return db_can_copy(db) ? at_once_postgres : at_once_sqlite;
}

/* The coarsest that tells what is asked: usage_cuts. */
static uint64_t cut_of(const struct rollup_query *query)
{
    bool by_key = query->group == ROLLUP_USER || query->group == ROLLUP_KEY || query->user_id ||
                  query->key_id;
    bool by_model = query->group == ROLLUP_MODEL || query->group == ROLLUP_PROVIDER ||
                    query->model.len || query->provider.len;

    return (uint64_t)by_key * 2 + by_model;
}

static void bind_range(struct db_statement *s, unsigned n, int64_t id)
{
    db_bind_i64(s, n, id ? id : INT64_MIN);
    db_bind_i64(s, n + 1, id ? id : INT64_MAX);
}

/* The plan as the question is told of it. */
struct told {
    struct buf sums, rows;
    uint64_t since, until; /* minutes: of all rows */
};

static void tell_sums(struct told *t, const struct rollup_runs *runs)
{
    buf_init(&t->sums, RUNS_MAX);
    buf_add_char(&t->sums, '[');
    for (size_t i = 0; i < runs->sums_len; i++)
        buf_printf(&t->sums, "%s[%u,%llu,%llu]", i ? "," : "", runs->sums[i].length,
                   (unsigned long long)runs->sums[i].from, (unsigned long long)runs->sums[i].until);
    buf_add_char(&t->sums, ']');
}

static void tell_rows(struct told *t, const struct rollup_runs *runs)
{
    char since[TIME_TEXT], until[TIME_TEXT];

    t->since = runs->rows_len ? runs->rows[0].from : 0;
    t->until = runs->rows_len ? runs->rows[runs->rows_len - 1].until : 0;
    buf_init(&t->rows, RUNS_MAX);
    buf_add_char(&t->rows, '[');
    for (size_t i = 0; i < runs->rows_len; i++) {
        const struct rollup_rows *rows = &runs->rows[i];
        clock_rfc3339(MAX(rows->from * MINUTE_US, 1u), since);
        clock_rfc3339(rows->until * MINUTE_US, until);
        buf_printf(&t->rows, "%s[%llu,\"%s\",\"%s\",\"%.*s\",\"%.*s\"]", i ? "," : "",
                   (unsigned long long)rows->from, since, until, (int)rows->low.len, rows->low.at,
                   (int)rows->high.len, rows->high.at);
    }
    buf_add_char(&t->rows, ']');
}

/* --- the answers --- */

/* A column has its bucket alone. */
static void read_buckets(struct columns *c, uint64_t buckets[ROLLUP_BUCKETS])
{
    for (size_t i = 0; i < ROLLUP_BUCKETS; i++)
        buckets[i] = columns_u64(c) + (i ? buckets[i - 1] : 0);
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

/* The start is a number of buckets yet. */
static void read_row(struct columns *c, void *to)
{
    struct rollup_row *row = to;

    row->start_wall_us = columns_u64(c);
    row->name = columns_text(c);
    row->id = columns_i64(c);
    read_sums(c, &row->sums);
}

static int ask(struct db *db, const struct rollup_query *query, const struct told *t,
               struct row_list *list)
{
    char since[TIME_TEXT], until[TIME_TEXT];
    struct db_statement *s;
    int rc = db_prepare(db, question(db, query->group), &s);

    if (rc < 0)
        return rc;
    db_bind_text(s, 1, buf_slice(&t->sums));
    db_bind_text(s, 2, buf_slice(&t->rows));
    db_bind_u64(s, 3, cut_of(query));
    bind_range(s, 4, query->key_id);
    bind_range(s, 6, query->user_id);
    db_bind_text(s, 8, query->provider);
    db_bind_text(s, 9, query->model);
    db_bind_u64(s, 10, query->group);
    db_bind_u64(s, 11, query->limit);
    db_bind_u64(s, 12, query->skip);
    bind_time(s, 13, MAX(t->since * MINUTE_US, 1u), since);
    bind_time(s, 14, MAX(t->until * MINUTE_US, 1u), until);
    if (bucket_minutes(query->group))
        db_bind_u64(s, 15, bucket_minutes(query->group));
    return row_list_fill(list, s, read_row);
}

/* A plan for any values would read far too much. */
static int want_own_plan(struct db *db)
{
    return db_can_copy(db) ? db_exec(db, "SET LOCAL plan_cache_mode = force_custom_plan") : OK;
}

static int sum(struct db *db, const struct rollup_query *query, struct row_list *list)
{
    struct told told;
    struct rollup_runs runs;
    int rc = plan(db, query, list->a, &runs);

    if (rc < 0)
        return rc;
    tell_sums(&told, &runs);
    tell_rows(&told, &runs);
    rc = told.sums.rc < 0 ? told.sums.rc : told.rows.rc;
    if (rc == OK)
        rc = want_own_plan(db);
    if (rc == OK)
        rc = ask(db, query, &told, list);
    buf_free(&told.sums);
    buf_free(&told.rows);
    return rc;
}

/* The plan and the sums are of one state. */
static int sum_patiently(struct db *db, const struct rollup_query *query, struct row_list *list)
{
    unsigned patience = db_patience(db);
    int rc = db_begin_read(db);

    if (rc < 0)
        return rc;
    db_set_patience(db, MAX(patience, (unsigned)PATIENCE_MS));
    rc = db_end(db, sum(db, query, list));
    db_set_patience(db, patience);
    return rc;
}

int rollup_repo_sum(struct db *db, const struct rollup_query *query, struct arena *a,
                    struct rollup_row **ret, size_t *ret_len)
{
    struct row_list list = {.a = a, .row_size = sizeof(struct rollup_row)};
    int rc = sum_patiently(db, query, &list);

    if (rc == OK && query->group == ROLLUP_TOTAL && list.len == 0 && !row_list_add(&list))
        rc = -ENOMEM;
    *ret = (struct rollup_row *)(void *)list.at;
    *ret_len = list.len;
    for (size_t i = 0; i < list.len; i++)
        (*ret)[i].start_wall_us *= bucket_minutes(query->group) * MINUTE_US;
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
