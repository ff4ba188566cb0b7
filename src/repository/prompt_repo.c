/* prompt_repo.c: see prompt_repo.h. */

#include "repository/prompt_repo.h"

#include "base/clock.h"
#include "repository/columns.h"
#include "repository/newest_first.h"

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

#define FILTERS                                                                                    \
    "AND ($6 = '' OR request_id = $6) AND ($7 = '' OR model = $7) "                                \
    "AND (CAST($8 AS BIGINT) = 0 OR user_id = CAST($8 AS BIGINT)) "                                \
    "AND (CAST($9 AS BIGINT) = 0 OR key_id = CAST($9 AS BIGINT))"

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

/* A page is made in memory, and as JSON it may be some times as long. */
enum { PAGE_BYTES = 4 << 20 };

_Static_assert((int)PROMPT_LOG_ID == NEWEST_FIRST_ID &&
                   (int)PROMPT_LOG_CREATED_AT == NEWEST_FIRST_CREATED_AT,
               "they are found");

static void bind_filters(struct db_statement *s, const struct log_wish *w)
{
    db_bind_text(s, 6, w->request_id);
    db_bind_text(s, 7, w->model);
    db_bind_i64(s, 8, w->user_id);
    db_bind_i64(s, 9, w->key_id);
}

static const struct newest_first_table table = {
    NEWEST_FIRST_SQL("prompt_logs", COLUMNS, FILTERS),
    .columns = PROMPT_LOG_COLUMNS,
    .bytes_most = PAGE_BYTES,
    .bind = bind_filters,
};

int prompt_repo_page(struct db *db, const struct log_wish *wish, struct arena *a,
                     struct log_page *ret)
{
    return newest_first_page(db, &table, wish, a, ret);
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
