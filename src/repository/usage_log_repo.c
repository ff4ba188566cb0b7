/* usage_log_repo.c: see usage_log_repo.h. */

#include "repository/usage_log_repo.h"

#include "repository/newest_first.h"

#define COLUMNS                                                                                    \
    "id, request_id, created_at, user_id, key_id, endpoint, requested_model, served_model, "       \
    "provider, stream, status, http_status, error_code, attempts, fallback_used, "                 \
    "prompt_tokens, completion_tokens, total_tokens, cached_tokens, cache_write_tokens, "          \
    "reasoning_tokens, usage_source, latency_ms, first_token_ms, request_bytes, response_bytes"
#define FILTERS                                                                                    \
    "AND ($6 = '' OR request_id = $6) AND ($7 = '' OR status = $7) "                               \
    "AND ($8 = '' OR requested_model = $8 OR served_model = $8) "                                  \
    "AND ($9 = '' OR provider = $9) "                                                              \
    "AND (CAST($10 AS BIGINT) = 0 OR user_id = CAST($10 AS BIGINT)) "                              \
    "AND (CAST($11 AS BIGINT) = 0 OR key_id = CAST($11 AS BIGINT))"

_Static_assert((int)USAGE_LOG_ID == NEWEST_FIRST_ID &&
                   (int)USAGE_LOG_CREATED_AT == NEWEST_FIRST_CREATED_AT,
               "they are found");

static void bind_filters(struct db_statement *s, const struct log_wish *w)
{
    db_bind_text(s, 6, w->request_id);
    db_bind_text(s, 7, w->status);
    db_bind_text(s, 8, w->model);
    db_bind_text(s, 9, w->provider);
    db_bind_i64(s, 10, w->user_id);
    db_bind_i64(s, 11, w->key_id);
}

static const struct newest_first_table table = {
    NEWEST_FIRST_SQL("usage_logs", COLUMNS, FILTERS),
    .columns = USAGE_LOG_COLUMNS,
    .bind = bind_filters,
};

int usage_log_repo_page(struct db *db, const struct log_wish *wish, struct arena *a,
                        struct log_page *ret)
{
    return newest_first_page(db, &table, wish, a, ret);
}
