/* audit_repo.c: see audit_repo.h. */

#include "repository/audit_repo.h"

#include "repository/columns.h"

static const char add[] =
    "INSERT INTO audit_log (created_at, key_id, user_id, request_id, action, object_type, "
    "object_id, before_json, after_json) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
static const char page_of[] =
    "SELECT id, created_at, key_id, user_id, request_id, action, object_type, object_id, "
    "before_json, after_json FROM audit_log WHERE id < $1 AND ($2 = 0 OR object_type = $3) "
    "AND ($4 = 0 OR object_id = $5) AND ($6 = 0 OR action = $7) AND ($8 = 0 OR key_id = $9) "
    "ORDER BY id DESC LIMIT $10";
static const char was_deleted[] = "SELECT 1 FROM audit_log WHERE object_type = $1 "
                                  "AND object_id = $2 AND action = 'delete' LIMIT 1";
/* ids are in the order of time, but for clocks: a row that claims to be young is passed over */
static const char delete_rows[] =
    "DELETE FROM audit_log WHERE created_at < $1 AND id IN (SELECT id FROM audit_log ORDER BY id "
    "LIMIT 500)";

int audit_repo_add(struct db *db, const struct audit_row *row)
{
    char at[TIME_TEXT];
    struct db_statement *s;
    int rc = db_prepare(db, add, &s);

    if (rc < 0)
        return rc;
    bind_time(s, 1, row->wall_us, at);
    db_bind_i64(s, 2, row->key_id);
    db_bind_i64(s, 3, row->user_id);
    db_bind_text(s, 4, row->request_id);
    db_bind_text(s, 5, row->action);
    db_bind_text(s, 6, row->kind);
    db_bind_text(s, 7, row->object);
    bind_text_or_null(s, 8, row->before);
    bind_text_or_null(s, 9, row->after);
    return db_run(s);
}

static void read_audit(struct columns *c, void *to)
{
    struct audit_row *row = to;

    row->id = columns_i64(c);
    row->wall_us = columns_time(c);
    row->key_id = columns_i64(c);
    row->user_id = columns_i64(c);
    row->request_id = columns_text(c);
    row->action = columns_text(c);
    row->kind = columns_text(c);
    row->object = columns_text(c);
    row->before = columns_text(c);
    row->after = columns_text(c);
}

int audit_repo_page(struct db *db, const struct page_wish *page, struct arena *a,
                    struct audit_row **ret, size_t *ret_len)
{
    struct row_list list = {.a = a, .row_size = sizeof(struct audit_row)};
    const struct page_wish key = {.after = page->filter[AUDIT_FILTER_KEY]};
    struct db_statement *s;
    int rc = db_prepare(db, page_of, &s);

    if (rc < 0)
        return rc;
    db_bind_i64(s, 1, page->after.len ? page_after_id(page) : INT64_MAX);
    bind_filter(s, 2, page->filter[AUDIT_FILTER_KIND]);
    bind_filter(s, 4, page->filter[AUDIT_FILTER_OBJECT]);
    bind_filter(s, 6, page->filter[AUDIT_FILTER_ACTION]);
    db_bind_i64(s, 8, key.after.len > 0);
    db_bind_i64(s, 9, page_after_id(&key));
    db_bind_u64(s, 10, page->limit);
    rc = row_list_fill(&list, s, read_audit);
    *ret = (struct audit_row *)(void *)list.at;
    *ret_len = list.len;
    return rc;
}

int audit_repo_was_deleted(struct db *db, struct slice kind, struct slice object, bool *ret)
{
    struct db_statement *s;
    int rc = db_prepare(db, was_deleted, &s);

    if (rc < 0)
        return rc;
    db_bind_text(s, 1, kind);
    db_bind_text(s, 2, object);
    rc = db_step(s);
    *ret = rc == DB_ROW;
    db_reset(s);
    return rc < 0 ? rc : OK;
}

int audit_repo_end_rows(struct db *db, uint64_t wall_us)
{
    char before[TIME_TEXT];
    struct db_statement *s;
    int rc = db_prepare(db, delete_rows, &s);

    if (rc < 0)
        return rc;
    bind_time(s, 1, MAX(wall_us, 1u), before);
    rc = db_run(s);
    return rc == OK && db_changes(db) > 0 ? 1 : rc;
}
