/* usage_retention.c: see usage_retention.h.
 *
 * A server drops partitions, which costs the same for a row and for a million. SQLite deletes a few
 * hundred rows at a time, so that the ledger never waits long for the lock. */

#include "repository/usage_retention.h"

#include "base/clock.h"
#include "repository/columns.h"

#include <errno.h>

#define DAY_US ((uint64_t)24 * 3600 * 1000000)

enum { MORE = 1 };

static const char make_day[] = "SELECT usage_logs_make_day(CAST(CAST($1 AS text) AS date))";
static const char is_ahead[] =
    "SELECT CAST(CAST($1 AS text) AS timestamptz) > now() + interval '1 hour'";
/* marks before the horizon are of rows that came too late to count */
static const char advance[] =
    "UPDATE usage_horizon SET hour = $1 WHERE hour < $1 AND NOT EXISTS (SELECT 1 FROM usage_marks "
    "AS m WHERE m.hour < $1 AND m.hour >= usage_horizon.hour)";
static const char drop_day[] = "SELECT usage_logs_drop_day(hour) FROM usage_horizon";
/* usage_hours knows up to where rows of old hours may be; ids are in the order of time */
static const char delete_rows[] =
    "DELETE FROM usage_logs WHERE id IN (SELECT id FROM usage_logs WHERE id <= (SELECT max(high) "
    "FROM usage_hours WHERE until <= (SELECT hour FROM usage_horizon)) AND created_at < (SELECT "
    "hour FROM usage_horizon) ORDER BY id LIMIT 500)";
static const char forget_hours[] =
    "DELETE FROM usage_hours WHERE until <= (SELECT hour FROM usage_horizon)";
static const char delete_sums[] = "DELETE FROM usage_hourly WHERE hour = (SELECT min(hour) FROM "
                                  "usage_hourly WHERE hour < $1)";

static int run_with_time(struct db *db, const char *sql, uint64_t wall_us)
{
    char text[TIME_TEXT];
    struct db_statement *s;
    int rc = db_prepare(db, sql, &s);

    if (rc < 0)
        return rc;
    bind_time(s, 1, MAX(wall_us, 1u), text);
    return db_run(s);
}

static int run(struct db *db, const char *sql)
{
    struct db_statement *s;
    int rc = db_prepare(db, sql, &s);

    return rc < 0 ? rc : db_run(s);
}

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

int usage_retention_advance(struct db *db, uint64_t wall_us)
{
    return run_with_time(db, advance, wall_us / DAY_US * DAY_US);
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
    int rc = db_can_copy(db) ? drop(db) : run(db, delete_rows);

    if (rc == OK && !db_can_copy(db) && db_changes(db) > 0)
        return MORE;
    return rc == OK ? run(db, forget_hours) : rc;
}

int usage_retention_end_sums(struct db *db, uint64_t wall_us)
{
    int rc = run_with_time(db, delete_sums, wall_us);

    return rc == OK && db_changes(db) > 0 ? MORE : rc;
}
