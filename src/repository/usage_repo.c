/* usage_repo.c: see usage_repo.h. This is the busiest SQL of courier: one row per request. */

#include "repository/usage_repo.h"

#include "base/clock.h"
#include "model/outcome.h"
#include "repository/columns.h"
#include "repository/rollup_repo.h"

#define COLUMNS                                                                                    \
    "id, request_id, created_at, user_id, key_id, endpoint, requested_model, served_model, "       \
    "provider, stream, status, http_status, error_code, attempts, fallback_used, "                 \
    "prompt_tokens, completion_tokens, total_tokens, cached_tokens, cache_write_tokens, "          \
    "reasoning_tokens, usage_source, latency_ms, first_token_ms, request_bytes, response_bytes"

/* created_at, which a record keeps, stays as it is */
#define RENEW                                                                                      \
    "DO UPDATE SET request_id = excluded.request_id, user_id = excluded.user_id, key_id "          \
    "= excluded.key_id, endpoint = excluded.endpoint, requested_model = "                          \
    "excluded.requested_model, served_model = excluded.served_model, provider = "                  \
    "excluded.provider, stream = excluded.stream, status = excluded.status, http_status "          \
    "= excluded.http_status, error_code = excluded.error_code, attempts = "                        \
    "excluded.attempts, fallback_used = excluded.fallback_used, prompt_tokens = "                  \
    "excluded.prompt_tokens, completion_tokens = excluded.completion_tokens, "                     \
    "total_tokens = excluded.total_tokens, cached_tokens = excluded.cached_tokens, "               \
    "cache_write_tokens = excluded.cache_write_tokens, reasoning_tokens = "                        \
    "excluded.reasoning_tokens, usage_source = excluded.usage_source, latency_ms = "               \
    "excluded.latency_ms, first_token_ms = excluded.first_token_ms, request_bytes = "              \
    "excluded.request_bytes, response_bytes = excluded.response_bytes"

static const char put[] =
    "INSERT INTO usage_logs (" COLUMNS ") "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, "
    "$20, $21, $22, $23, $24, $25, $26) ON CONFLICT (id) " RENEW;

/* --- row by row --- */

/* Texts that a row needs besides the record's own. */
struct row_texts {
    char id[RECORD_ID_TEXT];
    char created[TIME_TEXT];
};

static void bind_who(struct db_statement *s, const struct record *r, struct row_texts *texts)
{
    record_id_format(&r->id, texts->id);
    db_bind_text(s, 1, slice_of(texts->id, sizeof(texts->id)));
    db_bind_text(s, 2, slice_str(r->request_id));
    bind_time(s, 3, MAX(r->created_wall_us, 1u), texts->created);
    db_bind_i64(s, 4, r->user_id);
    db_bind_i64(s, 5, r->key_id);
    db_bind_text(s, 6, slice_str(r->endpoint));
    bind_text_or_null(s, 7, slice_str(r->requested_model));
    bind_text_or_null(s, 8, slice_str(r->served_model));
    bind_text_or_null(s, 9, slice_str(r->provider));
}

static void bind_outcome(struct db_statement *s, const struct record *r)
{
    db_bind_i64(s, 10, r->stream);
    db_bind_text(s, 11, slice_str(outcome_status_name((enum outcome_status)r->status)));
    db_bind_i64(s, 12, r->http_status);
    bind_text_or_null(s, 13, slice_str(r->error_code));
    db_bind_i64(s, 14, r->attempts);
    db_bind_i64(s, 15, r->fallback_used);
}

static void bind_usage(struct db_statement *s, const struct record *r)
{
    db_bind_u64(s, 16, r->prompt_tokens);
    db_bind_u64(s, 17, r->completion_tokens);
    db_bind_u64(s, 18, r->prompt_tokens + r->completion_tokens);
    db_bind_u64(s, 19, r->cached_tokens);
    db_bind_u64(s, 20, r->cache_write_tokens);
    db_bind_u64(s, 21, r->reasoning_tokens);
    db_bind_text(s, 22, slice_str(usage_source_name((enum usage_source)r->usage_source)));
}

static void bind_sizes(struct db_statement *s, const struct record *r)
{
    db_bind_i64(s, 23, r->latency_ms);
    if (r->first_token_ms)
        db_bind_i64(s, 24, r->first_token_ms);
    else
        db_bind_null(s, 24);
    db_bind_u64(s, 25, r->request_bytes);
    db_bind_u64(s, 26, r->response_bytes);
}

static int add_singly(struct db *db, const struct record *records, size_t n)
{
    struct row_texts texts;
    struct db_statement *s;
    int rc = db_prepare(db, put, &s);

    for (size_t i = 0; rc == OK && i < n; i++) {
        bind_who(s, &records[i], &texts);
        bind_outcome(s, &records[i]);
        bind_usage(s, &records[i]);
        bind_sizes(s, &records[i]);
        rc = db_run(s);
    }
    return rc;
}

/* --- in bulk --- */

/* place: which of two with one id came later. What COPY leaves is gone with the transaction. */
static const char copy[] =
    "CREATE TEMPORARY TABLE IF NOT EXISTS usage_staging (LIKE usage_logs, place bigint NOT NULL) "
    "ON COMMIT DELETE ROWS; COPY usage_staging (" COLUMNS ", place) FROM STDIN";
static const char make_days[] =
    "SELECT usage_logs_make_day(day) FROM (SELECT DISTINCT (created_at AT TIME ZONE 'UTC')::date "
    "AS day FROM usage_staging ORDER BY day) AS days "
    "WHERE to_regclass('usage_logs_' || to_char(day, 'YYYYMMDD')) IS NULL";
/* in the order of the key: two gateways that write the same rows do not wait for each other in a
 * circle */
static const char take[] =
    "WITH batch AS (DELETE FROM usage_staging RETURNING *) "
    "INSERT INTO usage_logs (" COLUMNS ") SELECT DISTINCT ON (created_at, id) " COLUMNS
    " FROM batch ORDER BY created_at, id, place DESC ON CONFLICT (created_at, id) " RENEW;

static void copy_text_or_null(struct db *db, const char *text)
{
    if (text[0])
        db_copy_text(db, slice_str(text));
    else
        db_copy_null(db);
}

static void copy_who(struct db *db, const struct record *r)
{
    struct row_texts texts;

    record_id_format(&r->id, texts.id);
    clock_rfc3339(MAX(r->created_wall_us, 1u), texts.created);
    db_copy_text(db, slice_of(texts.id, sizeof(texts.id)));
    db_copy_text(db, slice_str(r->request_id));
    db_copy_text(db, slice_str(texts.created));
    db_copy_i64(db, r->user_id);
    db_copy_i64(db, r->key_id);
    db_copy_text(db, slice_str(r->endpoint));
    copy_text_or_null(db, r->requested_model);
    copy_text_or_null(db, r->served_model);
    copy_text_or_null(db, r->provider);
}

static void copy_outcome(struct db *db, const struct record *r)
{
    db_copy_i64(db, r->stream);
    db_copy_text(db, slice_str(outcome_status_name((enum outcome_status)r->status)));
    db_copy_i64(db, r->http_status);
    copy_text_or_null(db, r->error_code);
    db_copy_i64(db, r->attempts);
    db_copy_i64(db, r->fallback_used);
}

static void copy_usage(struct db *db, const struct record *r)
{
    db_copy_u64(db, r->prompt_tokens);
    db_copy_u64(db, r->completion_tokens);
    db_copy_u64(db, r->prompt_tokens + r->completion_tokens);
    db_copy_u64(db, r->cached_tokens);
    db_copy_u64(db, r->cache_write_tokens);
    db_copy_u64(db, r->reasoning_tokens);
    db_copy_text(db, slice_str(usage_source_name((enum usage_source)r->usage_source)));
}

static void copy_sizes(struct db *db, const struct record *r)
{
    db_copy_i64(db, r->latency_ms);
    if (r->first_token_ms)
        db_copy_i64(db, r->first_token_ms);
    else
        db_copy_null(db);
    db_copy_u64(db, r->request_bytes);
    db_copy_u64(db, r->response_bytes);
}

static int add_in_bulk(struct db *db, const struct record *records, size_t n)
{
    int rc = n ? db_copy_begin(db, copy) : OK;

    if (rc < 0 || n == 0)
        return rc;
    for (size_t i = 0; i < n; i++) {
        copy_who(db, &records[i]);
        copy_outcome(db, &records[i]);
        copy_usage(db, &records[i]);
        copy_sizes(db, &records[i]);
        db_copy_u64(db, i);
        db_copy_row(db);
    }
    rc = db_copy_end(db, OK);
    if (rc == OK)
        rc = run_with(db, make_days, NULL, 0);
    return rc == OK ? run_with(db, take, NULL, 0) : rc;
}

/* --- both --- */

int usage_repo_add(struct db *db, const struct record *records, size_t n)
{
    int rc = db_can_copy(db) ? add_in_bulk(db, records, n) : add_singly(db, records, n);

    return rc < 0 ? rc : rollup_repo_mark(db, records, n);
}

int usage_repo_put(struct db *db, const struct record *records, size_t n)
{
    int rc = db_begin_append(db);

    return rc < 0 ? rc : db_end(db, usage_repo_add(db, records, n));
}
