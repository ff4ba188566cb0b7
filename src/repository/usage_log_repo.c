/* usage_log_repo.c: see usage_log_repo.h. */

#include "repository/usage_log_repo.h"

#include "repository/columns.h"
#include "repository/newest_first.h"

#include <errno.h>

#define SELECT                                                                                     \
    "SELECT id, request_id, created_at, user_id, key_id, endpoint, requested_model, "              \
    "served_model, provider, stream, status, http_status, error_code, attempts, fallback_used, "   \
    "prompt_tokens, completion_tokens, total_tokens, cached_tokens, cache_write_tokens, "          \
    "reasoning_tokens, usage_source, latency_ms, first_token_ms, request_bytes, response_bytes "   \
    "FROM usage_logs WHERE created_at >= $1 AND created_at < $2 "                                  \
    "AND ($3 = '' OR status = $3) AND ($4 = '' OR requested_model = $4 OR served_model = $4) "     \
    "AND ($5 = '' OR provider = $5) AND ($6 = '' OR request_id = $6) "                             \
    "AND (CAST($7 AS BIGINT) = 0 OR user_id = CAST($7 AS BIGINT)) "                                \
    "AND (CAST($8 AS BIGINT) = 0 OR key_id = CAST($8 AS BIGINT)) "

/* $9, $10: the row behind which the page begins; $11: the least id of the wish's time */
static const char page_by_id[] =
    SELECT "AND id < $9 AND $10 <> '' AND id >= $11 ORDER BY id DESC LIMIT $12";
static const char page_by_time[] = SELECT "AND (created_at, id) < ($10, $9) AND id >= $11 "
                                          "ORDER BY created_at DESC, id DESC LIMIT $12";

static void read_row(struct columns *c, void *row)
{
    struct usage_log *log = row;

    for (size_t i = 0; i < USAGE_LOG_COLUMNS; i++)
        log->at[i] = columns_text(c);
}

static void bind_wish(struct db_statement *s, const struct usage_log_wish *w,
                      struct newest_first_span *span)
{
    newest_first_bind_span(s, w->from_wall_us, w->to_wall_us, 11, span);
    db_bind_text(s, 3, w->status);
    db_bind_text(s, 4, w->model);
    db_bind_text(s, 5, w->provider);
    db_bind_text(s, 6, w->request_id);
    db_bind_i64(s, 7, w->user_id);
    db_bind_i64(s, 8, w->key_id);
}

int usage_log_repo_page(struct db *db, const struct usage_log_wish *wish, struct arena *a,
                        struct usage_log **ret, size_t *ret_len)
{
    struct row_list rows = {.a = a, .row_size = sizeof(struct usage_log)};
    struct slice id = wish->after_id, time = wish->after_created_at;
    struct newest_first_span span;
    struct db_statement *s;

    if (!newest_first_is_row(id, time))
        return -EINVAL;
    int rc = db_prepare(db, newest_first_by_id(db) ? page_by_id : page_by_time, &s);
    if (rc < 0)
        return rc;
    bind_wish(s, wish, &span);
    newest_first_bind_after(s, 9, id, time);
    db_bind_u64(s, 12, wish->limit);
    rc = row_list_fill(&rows, s, read_row);
    *ret = (struct usage_log *)(void *)rows.at;
    *ret_len = rows.len;
    return rc;
}
