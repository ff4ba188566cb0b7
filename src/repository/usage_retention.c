/* usage_retention.c: see usage_retention.h.
 *
 * A server drops partitions, which costs the same for a row and for a million. SQLite deletes a few
 * hundred rows at a time, so that the ledger never waits long for the lock. */

#include "repository/usage_retention.h"

#include "base/clock.h"
#include "repository/columns.h"

#include <errno.h>

#define MINUTE_US ((uint64_t)60 * 1000000)
#define DAY_US    (24 * 60 * MINUTE_US)

enum { MORE = 1 };

static const char make_day[] = "SELECT usage_logs_make_day(CAST(CAST($1 AS text) AS date))";
static const char is_ahead[] =
    "SELECT CAST(CAST($1 AS text) AS timestamptz) > now() + interval '1 hour'";
/* ids are in the order of time, but for a clock that was set back for a while */
static const char newest[] = "SELECT coalesce(max(created_at), '') FROM (SELECT created_at FROM "
                             "usage_logs ORDER BY id DESC LIMIT 1000) AS last";
/* marks before the horizon are of rows that came too late to count */
static const char advance[] =
    "UPDATE usage_horizon SET minute = $1 WHERE minute < $1 AND NOT EXISTS (SELECT 1 FROM "
    "usage_marks AS m WHERE m.minute < $1 AND m.minute >= usage_horizon.minute)";
static const char drop_day[] =
    "SELECT usage_logs_drop_day(to_timestamp(minute * 60.0)) FROM usage_horizon";
/* usage_spans knows up to where rows of old spans may be; ids are in the order of time */
static const char delete_rows[] =
    "DELETE FROM usage_logs WHERE id IN (SELECT id FROM usage_logs WHERE id <= (SELECT max(high) "
    "FROM usage_spans WHERE start + span <= (SELECT minute FROM usage_horizon)) AND created_at < "
    "(SELECT strftime('%Y-%m-%dT%H:%M:%fZ', minute * 60, 'unixepoch') FROM usage_horizon) "
    "ORDER BY id LIMIT 500)";
static const char forget_ids[] =
    "UPDATE usage_spans SET low = '', high = '' WHERE high <> '' AND start + span <= "
    "(SELECT minute FROM usage_horizon)";
static const char old_span[] =
    "SELECT span, start FROM usage_spans WHERE start + span <= $1 ORDER BY span, start LIMIT 1";
static const char delete_sums[] = "DELETE FROM usage_sums WHERE span = $1 AND start = $2";
static const char delete_span[] = "DELETE FROM usage_spans WHERE span = $1 AND start = $2";
/* who and what no sum is of any more */
static const char delete_subjects[] =
    "DELETE FROM usage_subjects WHERE NOT EXISTS (SELECT 1 FROM usage_sums AS t WHERE t.subject = "
    "usage_subjects.id)";

/* "2026-01-31" */
static int make_one(struct db *db, uint64_t wall_us)
{
    char text[TIME_TEXT];
    struct db_statement *s;
    int rc = db_prepare(db, make_day, &s);

    if (rc < 0)
        return rc;
    clock_rfc3339(wall_us, text);
    db_bind_text(s, 1, slice_of(text, strlen("2026-01-31")));
    return db_run(s);
}

int usage_retention_make_days(struct db *db, uint64_t from_wall_us, unsigned days)
{
    int rc = OK;

    for (unsigned i = 0; rc == OK && i < days && db_can_copy(db); i++)
        rc = make_one(db, from_wall_us + i * DAY_US);
    return rc;
}

int usage_retention_check_clock(struct db *db, uint64_t now_wall_us)
{
    char now[TIME_TEXT];
    struct db_statement *s;

    if (!db_can_copy(db))
        return OK;
    int rc = db_prepare(db, is_ahead, &s);
    if (rc < 0)
        return rc;
    bind_time(s, 1, now_wall_us, now);
    rc = db_step(s);
    bool ahead = rc == DB_ROW && db_column_i64(s, 0);
    db_reset(s);
    return rc < 0 ? rc : ahead ? -ERANGE : OK;
}

bool usage_retention_has_server(const struct db *db)
{
    return db_can_copy(db);
}

int usage_retention_newest(struct db *db, uint64_t *ret_wall_us)
{
    struct columns c = {0};
    int rc = db_prepare(db, newest, &c.s);

    *ret_wall_us = 0;
    if (rc < 0)
        return rc;
    rc = db_step(c.s);
    if (rc == DB_ROW)
        *ret_wall_us = columns_time(&c);
    db_reset(c.s);
    return MIN(rc, OK);
}

int usage_retention_advance(struct db *db, uint64_t wall_us)
{
    const uint64_t minute = wall_us / DAY_US * (DAY_US / MINUTE_US);

    return run_with(db, advance, &minute, 1);
}

static int drop(struct db *db)
{
    struct db_statement *s;
    int rc = db_prepare(db, drop_day, &s);

    if (rc < 0)
        return rc;
    rc = db_step(s);
    bool dropped = rc == DB_ROW && db_column_i64(s, 0);
    db_reset(s);
    return rc < 0 ? rc : dropped ? MORE : OK;
}

int usage_retention_end_rows(struct db *db)
{
    int rc = db_can_copy(db) ? drop(db) : run_with(db, delete_rows, NULL, 0);

    if (rc == OK && !db_can_copy(db) && db_changes(db) > 0)
        return MORE;
    return rc == OK ? run_with(db, forget_ids, NULL, 0) : rc;
}

static int find_old(struct db *db, uint64_t minute, uint64_t span[2])
{
    struct db_statement *s;
    int rc = db_prepare(db, old_span, &s);

    if (rc < 0)
        return rc;
    db_bind_u64(s, 1, minute);
    rc = db_step(s);
    for (unsigned i = 0; rc == DB_ROW && i < 2; i++)
        span[i] = (uint64_t)db_column_i64(s, i);
    db_reset(s);
    return rc;
}

/* The sums first: what breaks off between the two is done again. */
int usage_retention_end_sums(struct db *db, uint64_t wall_us)
{
    uint64_t span[2];
    int rc = find_old(db, wall_us / MINUTE_US, span);

    if (rc != DB_ROW)
        return rc;
    rc = run_with(db, delete_sums, span, 2);
    if (rc == OK)
        rc = run_with(db, delete_span, span, 2);
    if (rc == OK && span[0] == DAY_US / MINUTE_US) /* once a day */
        rc = run_with(db, delete_subjects, NULL, 0);
    return rc < 0 ? rc : MORE;
}
