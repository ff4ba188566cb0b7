/* rollup_work.c: the books of rollup_repo.h, kept: marks left, hours worked out, marks taken. */

#include "repository/columns.h"
#include "repository/rollup_repo.h"
#include "repository/rollup_sql.h"

#include <errno.h>

#define HOUR_US ((uint64_t)3600 * 1000000)

enum { HOURS_AT_ONCE = 8, MARKS_MOST = 64, PATIENCE_MS = 300000 };

/* --- marks --- */

static const char mark[] =
    "INSERT INTO usage_marks (hour, until, day, low, high) VALUES ($1, $2, $3, $4, $5)";

struct marked {
    uint64_t hour; /* since 1970 */
    struct record_id low, high;
};

static int compare(const struct record_id *a, const struct record_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static void widen(struct marked *m, const struct record_id *id)
{
    if (compare(id, &m->low) < 0)
        m->low = *id;
    if (compare(id, &m->high) > 0)
        m->high = *id;
}

static int put_mark(struct db *db, const struct marked *m)
{
    char hour[TIME_TEXT], until[TIME_TEXT], day[TIME_TEXT];
    char low[RECORD_ID_TEXT], high[RECORD_ID_TEXT];
    uint64_t start = m->hour * HOUR_US;
    struct db_statement *s;
    int rc = db_prepare(db, mark, &s);

    if (rc < 0)
        return rc;
    record_id_format(&m->low, low);
    record_id_format(&m->high, high);
    bind_time(s, 1, MAX(start, 1u), hour);
    bind_time(s, 2, start + HOUR_US, until);
    bind_time(s, 3, MAX(m->hour / 24 * 24 * HOUR_US, 1u), day);
    db_bind_text(s, 4, slice_of(low, sizeof(low)));
    db_bind_text(s, 5, slice_of(high, sizeof(high)));
    return db_run(s);
}

static struct marked *find(struct marked *list, size_t n, uint64_t hour)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].hour == hour)
            return &list[i];
    return NULL;
}

/* A batch is of one hour, or of the two around the end of one; more is rare. */
int rollup_repo_mark(struct db *db, const struct record *records, size_t n)
{
    struct marked list[HOURS_AT_ONCE];
    size_t len = 0;
    int rc = OK;

    for (size_t i = 0; rc == OK && i < n; i++) {
        uint64_t hour = records[i].created_wall_us / HOUR_US;
        struct marked *m = find(list, len, hour);
        if (m) {
            widen(m, &records[i].id);
            continue;
        }
        if (len == HOURS_AT_ONCE)
            rc = put_mark(db, &list[--len]);
        list[len++] = (struct marked){hour, records[i].id, records[i].id};
    }
    for (size_t i = 0; rc == OK && i < len; i++)
        rc = put_mark(db, &list[i]);
    return rc;
}

/* --- one hour --- */

static const char next_over[] =
    "SELECT hour, hour < (SELECT hour FROM usage_horizon) FROM usage_marks WHERE until <= $1 "
    "ORDER BY hour LIMIT 1";
static const char forget_sums[] = "DELETE FROM usage_hourly WHERE hour = $1";
#define WORK_OUT(range)                                                                            \
    "INSERT INTO usage_hourly (" ROLLUP_COLUMNS                                                    \
    ") " ROLLUP_FROM_ROWS(range, ROLLUP_MARKS("hour = $1"), "m.hour = $1")
static const char work_out_sqlite[] = WORK_OUT(ROLLUP_RANGE_SQLITE);
static const char work_out_postgres[] = WORK_OUT(ROLLUP_RANGE_POSTGRES);
static const char keep_range[] =
    "INSERT INTO usage_hours (hour, until, day, low, high) " ROLLUP_MARKS(
        "hour = $1") " ON CONFLICT (hour) DO UPDATE SET low = excluded.low, "
                     "high = excluded.high";
static const char take_marks[] = "DELETE FROM usage_marks WHERE hour = $1";

static int run_for(struct db *db, const char *sql, uint64_t hour_us)
{
    char hour[TIME_TEXT];
    struct db_statement *s;
    int rc = db_prepare(db, sql, &s);

    if (rc < 0)
        return rc;
    bind_time(s, 1, hour_us, hour);
    return db_run(s);
}

/* *ret_gone: its rows may not all be there any more; what was worked out stays. */
static int find_hour(struct db *db, uint64_t over_by_us, uint64_t *ret, bool *ret_gone)
{
    char over_by[TIME_TEXT];
    struct columns c = {0};
    int rc = db_prepare(db, next_over, &c.s);

    if (rc < 0)
        return rc;
    bind_time(c.s, 1, over_by_us, over_by);
    rc = db_step(c.s);
    *ret = rc == DB_ROW ? columns_time(&c) : 0;
    *ret_gone = rc == DB_ROW && columns_bool(&c);
    db_reset(c.s);
    return rc;
}

static int roll(struct db *db, uint64_t over_by_us)
{
    bool gone;
    uint64_t hour;
    int rc = find_hour(db, over_by_us, &hour, &gone);

    if (rc != DB_ROW)
        return rc;
    rc = gone ? OK : run_for(db, forget_sums, hour);
    if (rc == OK && !gone)
        rc = run_for(db, db_can_copy(db) ? work_out_postgres : work_out_sqlite, hour);
    if (rc == OK)
        rc = run_for(db, keep_range, hour);
    if (rc == OK)
        rc = run_for(db, take_marks, hour);
    return rc < 0 ? rc : DB_ROW;
}

/* A busy hour has some million rows. */
int rollup_repo_roll(struct db *db, uint64_t over_by_wall_us)
{
    unsigned patience = db_patience(db);
    int rc = db_begin_still(db);

    if (rc < 0)
        return rc;
    db_set_patience(db, PATIENCE_MS);
    int worked = roll(db, over_by_wall_us);
    rc = db_end(db, MIN(worked, OK));
    db_set_patience(db, patience);
    return rc < 0 ? rc : worked;
}

/* --- hours that go on --- */

static const char many[] =
    "SELECT hour FROM usage_marks GROUP BY hour HAVING count(*) > $1 LIMIT 1";
static const char add_one[] =
    "INSERT INTO usage_marks (hour, until, day, low, high) SELECT hour, min(until), min(day), "
    "min(low), max(high) FROM usage_marks WHERE hour = $1 GROUP BY hour RETURNING id";
static const char drop_others[] = "DELETE FROM usage_marks WHERE hour = $1 AND id <> $2";

static int drop_all_but(struct db *db, uint64_t hour_us, int64_t id)
{
    char hour[TIME_TEXT];
    struct db_statement *s;
    int rc = db_prepare(db, drop_others, &s);

    if (rc < 0)
        return rc;
    bind_time(s, 1, hour_us, hour);
    db_bind_i64(s, 2, id);
    return db_run(s);
}

static int join_marks(struct db *db, uint64_t hour_us)
{
    char hour[TIME_TEXT];
    struct db_statement *s;
    int rc = db_prepare(db, add_one, &s);

    if (rc < 0)
        return rc;
    bind_time(s, 1, hour_us, hour);
    rc = db_step(s);
    if (rc != DB_ROW)
        return rc < 0 ? rc : -EBADMSG;
    int64_t id = db_column_i64(s, 0);
    rc = db_run(s);
    return rc < 0 ? rc : drop_all_but(db, hour_us, id);
}

static int compact(struct db *db)
{
    struct columns c = {0};
    int rc = db_prepare(db, many, &c.s);

    if (rc < 0)
        return rc;
    db_bind_i64(c.s, 1, MARKS_MOST);
    rc = db_step(c.s);
    uint64_t hour = rc == DB_ROW ? columns_time(&c) : 0;
    db_reset(c.s);
    return rc == DB_ROW ? join_marks(db, hour) : rc;
}

int rollup_repo_compact(struct db *db)
{
    int rc = db_begin_still(db);

    return rc < 0 ? rc : db_end(db, compact(db));
}

/* --- when keys were used --- */

/* One UPDATE for all of them; a later time stays. An id is of its record's time or, when the clock
 * was set back, of a later one. */
static const char note_use[] =
    "UPDATE api_keys SET last_used_at = used.at FROM (SELECT key_id, max(created_at) AS at FROM "
    "usage_logs WHERE created_at >= $1 AND id >= $2 GROUP BY key_id) AS used "
    "WHERE api_keys.id = used.key_id AND (last_used_at IS NULL OR last_used_at < used.at)";

int rollup_repo_note_use(struct db *db, uint64_t since_wall_us)
{
    char since[TIME_TEXT], low[RECORD_ID_TEXT];
    struct record_id id = {.bytes = {0}};
    struct db_statement *s;
    int rc = db_prepare(db, note_use, &s);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < 6; i++) /* a UUIDv7 begins with 48 bits of milliseconds */
        id.bytes[i] = (unsigned char)(since_wall_us / 1000 >> (40 - 8 * i));
    record_id_format(&id, low);
    bind_time(s, 1, MAX(since_wall_us, 1u), since);
    db_bind_text(s, 2, slice_of(low, sizeof(low)));
    return db_run(s);
}
