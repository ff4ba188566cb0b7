/* prompt_repo.c: see prompt_repo.h. */

#include "repository/prompt_repo.h"

#include "base/clock.h"
#include "repository/columns.h"
#include "repository/newest_first.h"

#include <errno.h>

#define DAY_US ((uint64_t)24 * 3600 * 1000000)

enum { DAY_TEXT = 10, MORE = 1 }; /* "2026-01-31" */

#define COLUMNS                                                                                    \
    "id, request_id, created_at, user_id, key_id, endpoint, model, status, mode, request, "        \
    "answer, cut"

static const char put[] =
    "INSERT INTO prompt_logs (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, "
    "$12) ON CONFLICT DO NOTHING";
static const char make_day[] =
    "SELECT prompt_logs_make_day(CAST(CAST($1 AS text) AS date)) WHERE to_regclass('prompt_logs_' "
    "|| to_char(CAST(CAST($1 AS text) AS date), 'YYYYMMDD')) IS NULL";

#define SELECT                                                                                     \
    "SELECT " COLUMNS " FROM prompt_logs WHERE created_at >= $1 AND created_at < $2 "              \
    "AND ($3 = '' OR model = $3) AND ($4 = '' OR request_id = $4) "                                \
    "AND (CAST($5 AS BIGINT) = 0 OR user_id = CAST($5 AS BIGINT)) "                                \
    "AND (CAST($6 AS BIGINT) = 0 OR key_id = CAST($6 AS BIGINT)) "

/* $7, $8: the row behind which the page begins; $9: the least id of the wish's time */
static const char page_by_id[] =
    SELECT "AND id < $7 AND $8 <> '' AND id >= $9 ORDER BY id DESC LIMIT $10";
static const char page_by_time[] =
    SELECT "AND (created_at, id) < ($8, $7) AND id >= $9 ORDER BY created_at DESC, id DESC "
           "LIMIT $10";

static const char drop_day[] = "SELECT prompt_logs_drop_day($1)";
static const char delete_rows[] = "DELETE FROM prompt_logs WHERE id IN (SELECT id FROM prompt_logs "
                                  "WHERE id < $1 ORDER BY id LIMIT 100)";

/* --- writing --- */

static int make_one_day(struct db *db, struct slice day)
{
    struct db_statement *s;
    int rc = db_prepare(db, make_day, &s);

    if (rc < 0)
        return rc;
    db_bind_text(s, 1, day);
    return db_run(s);
}

static int add_one(struct db *db, const struct prompt *p, struct slice created)
{
    char id[RECORD_ID_TEXT];
    struct db_statement *s;
    int rc = db_prepare(db, put, &s);

    if (rc < 0)
        return rc;
    record_id_format(&p->id, id);
    db_bind_text(s, 1, slice_of(id, sizeof(id)));
    db_bind_text(s, 2, p->request_id);
    db_bind_text(s, 3, created);
    db_bind_i64(s, 4, p->user_id);
    db_bind_i64(s, 5, p->key_id);
    db_bind_text(s, 6, p->endpoint);
    db_bind_text(s, 7, p->model);
    db_bind_text(s, 8, slice_str(outcome_status_name(p->status)));
    db_bind_text(s, 9, p->mode == PROMPTS_FULL ? SLICE("full") : SLICE("redacted"));
    db_bind_text(s, 10, p->request.len ? p->request : SLICE(""));
    db_bind_text(s, 11, p->answer.len ? p->answer : SLICE(""));
    bind_text_or_null(s, 12, slice_str(prompt_cut_name(p->cut)));
    return db_run(s);
}

static int add_all(struct db *db, const struct prompt *rows, size_t n)
{
    char made[DAY_TEXT] = "", created[TIME_TEXT];
    int rc = OK;

    for (size_t i = 0; rc == OK && i < n; i++) {
        clock_rfc3339(MAX(rows[i].created_wall_us, 1u), created);
        if (db_can_copy(db) && memcmp(made, created, DAY_TEXT) != 0) {
            memcpy(made, created, DAY_TEXT);
            rc = make_one_day(db, slice_of(made, DAY_TEXT));
        }
        if (rc == OK)
            rc = add_one(db, &rows[i], slice_str(created));
    }
    return rc;
}

int prompt_repo_put(struct db *db, const struct prompt *rows, size_t n)
{
    int rc = db_begin_append(db);

    return rc < 0 ? rc : db_end(db, add_all(db, rows, n));
}

/* --- reading --- */

static void read_row(struct columns *c, void *row)
{
    struct prompt_log *log = row;

    for (size_t i = 0; i < PROMPT_LOG_COLUMNS; i++)
        log->at[i] = columns_text(c);
}

static void bind_wish(struct db_statement *s, const struct prompt_log_wish *w,
                      struct newest_first_span *span)
{
    newest_first_bind_span(s, w->from_wall_us, w->to_wall_us, 9, span);
    db_bind_text(s, 3, w->model);
    db_bind_text(s, 4, w->request_id);
    db_bind_i64(s, 5, w->user_id);
    db_bind_i64(s, 6, w->key_id);
    newest_first_bind_after(s, 7, w->after_id, w->after_created_at);
    db_bind_u64(s, 10, w->limit);
}

int prompt_repo_page(struct db *db, const struct prompt_log_wish *wish, struct arena *a,
                     struct prompt_log **ret, size_t *ret_len)
{
    struct row_list rows = {.a = a, .row_size = sizeof(struct prompt_log)};
    struct newest_first_span span;
    struct db_statement *s;

    if (!newest_first_is_row(wish->after_id, wish->after_created_at))
        return -EINVAL;
    int rc = db_prepare(db, newest_first_by_id(db) ? page_by_id : page_by_time, &s);
    if (rc < 0)
        return rc;
    bind_wish(s, wish, &span);
    rc = row_list_fill(&rows, s, read_row);
    *ret = (struct prompt_log *)(void *)rows.at;
    *ret_len = rows.len;
    return rc;
}

/* --- ending --- */

static int drop(struct db *db, uint64_t wall_us)
{
    char text[TIME_TEXT];
    struct db_statement *s;
    int rc = db_prepare(db, drop_day, &s);

    if (rc < 0)
        return rc;
    bind_time(s, 1, MAX(wall_us, 1u), text);
    rc = db_step(s);
    bool dropped = rc == DB_ROW && db_column_i64(s, 0);
    db_reset(s);
    return rc < 0 ? rc : dropped ? MORE : OK;
}

static int delete_some(struct db *db, uint64_t wall_us)
{
    char id[RECORD_ID_TEXT];
    struct db_statement *s = NULL;
    int rc = db_exec(db, "PRAGMA secure_delete = ON");

    if (rc == OK)
        rc = db_prepare(db, delete_rows, &s);
    if (rc < 0)
        return rc;
    newest_first_least_id(wall_us, id);
    db_bind_text(s, 1, slice_of(id, sizeof(id)));
    rc = db_run(s);
    return rc == OK && db_changes(db) > 0 ? MORE : rc;
}

int prompt_repo_end_rows(struct db *db, uint64_t wall_us)
{
    wall_us = wall_us / DAY_US * DAY_US;
    return newest_first_by_id(db) ? delete_some(db, wall_us) : drop(db, wall_us);
}
