/* rollup_work.c: the books of rollup_repo.h, kept: marks left, spans of time worked out, marks
 * taken.
 *
 * usage_spans tells which spans are worked out, usage_sums what they come to. A span that is worked
 * out anew takes the longer ones around it with it: those follow, from the shorter ones. */

#include "repository/columns.h"
#include "repository/rollup_plan.h"
#include "repository/rollup_repo.h"
#include "repository/rollup_sql.h"

#include <errno.h>

#define MINUTE_US ((uint64_t)60 * 1000000)

/* KEPT_MINUTES: how long after its end an hour keeps its minutes, for rows that come late */
enum { MINUTES_AT_ONCE = 16, KEPT_MINUTES = 180, PATIENCE_MS = 300000 };

/* --- marks --- */

static const char mark[] = "INSERT INTO usage_marks (minute, low, high) VALUES ($1, $2, $3)";

struct marked {
    uint64_t minute; /* since 1970 */
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
    char low[RECORD_ID_TEXT], high[RECORD_ID_TEXT];
    struct db_statement *s;
    int rc = db_prepare(db, mark, &s);

    if (rc < 0)
        return rc;
    record_id_format(&m->low, low);
    record_id_format(&m->high, high);
    db_bind_u64(s, 1, m->minute);
    db_bind_text(s, 2, slice_of(low, sizeof(low)));
    db_bind_text(s, 3, slice_of(high, sizeof(high)));
    return db_run(s);
}

static struct marked *find(struct marked *list, size_t n, uint64_t minute)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].minute == minute)
            return &list[i];
    return NULL;
}

/* A batch is of one minute, or of a few: requests are of when they began. */
int rollup_repo_mark(struct db *db, const struct record *records, size_t n)
{
    struct marked list[MINUTES_AT_ONCE];
    size_t len = 0;
    int rc = OK;

    for (size_t i = 0; rc == OK && i < n; i++) {
        uint64_t minute = records[i].created_wall_us / MINUTE_US;
        struct marked *m = find(list, len, minute);
        if (m) {
            widen(m, &records[i].id);
            continue;
        }
        if (len == MINUTES_AT_ONCE)
            rc = put_mark(db, &list[--len]);
        list[len++] = (struct marked){minute, records[i].id, records[i].id};
    }
    for (size_t i = 0; rc == OK && i < len; i++)
        rc = put_mark(db, &list[i]);
    return rc;
}

/* --- statements about spans --- */

/* The first row's number; DB_ROW, OK: there is none. What is NULL is none. */
static int read_number(struct db *db, const char *sql, const uint64_t *numbers, unsigned n,
                       uint64_t *ret)
{
    struct columns c = {0};
    int rc = db_prepare(db, sql, &c.s);

    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < n; i++)
        db_bind_u64(c.s, i + 1, numbers[i]);
    rc = db_step(c.s);
    *ret = rc == DB_ROW ? columns_u64(&c) : 0;
    db_reset(c.s);
    return rc;
}

static const char is_worked_out[] = "SELECT 1 FROM usage_spans WHERE span = $1 AND start = $2";
static const char forget_span[] = "DELETE FROM usage_spans WHERE span = $1 AND start = $2";
static const char forget_sums[] = "DELETE FROM usage_sums WHERE span = $1 AND start = $2";

static int forget(struct db *db, uint64_t length, uint64_t start)
{
    const uint64_t numbers[] = {length, start};
    int rc = run_with(db, forget_span, numbers, 2);

    return rc == OK && db_changes(db) > 0 ? run_with(db, forget_sums, numbers, 2) : rc;
}

/* The longer spans that hold that minute are not so any more. */
static int forget_longer(struct db *db, size_t than, uint64_t minute)
{
    int rc = OK;

    for (size_t i = than + 1; rc == OK && i < ROLLUP_LEVELS; i++)
        rc = forget(db, rollup_lengths[i], minute - minute % rollup_lengths[i]);
    return rc;
}

/* --- from rows --- */

/* $1, $2: its times; $3, $4: its ids, by which SQLite finds rows; $5, $6: its length and start */
#define OF_SPAN "u.created_at >= $1 AND u.created_at < $2 AND u.id >= $3 AND u.id <= $4"
/* who and what g is of, in each cut */
#define OF_EACH_CUT                                                                                \
    "c.cut AS cut, g.user_id * c.by_key AS user_id, g.key_id * c.by_key AS key_id, "               \
    "CASE WHEN c.by_model = 1 THEN g.provider ELSE '' END AS provider, "                           \
    "CASE WHEN c.by_model = 1 THEN g.model ELSE '' END AS model"

static const char add_subjects[] =
    "INSERT INTO usage_subjects (cut, user_id, key_id, provider, model) "
    "SELECT DISTINCT " OF_EACH_CUT " "
    "FROM (SELECT DISTINCT " ROLLUP_OF_ROW " FROM usage_logs u WHERE " OF_SPAN ") AS g "
    "CROSS JOIN usage_cuts c WHERE true ON CONFLICT DO NOTHING";
/* summed for each cut before it is joined: a server joins columns fast, and expressions not */
static const char add_sums[] =
    "INSERT INTO usage_sums (subject, span, start" ROLLUP_COLUMNS ") "
    "SELECT s.id, CAST($5 AS integer), CAST($6 AS bigint)" ROLLUP_COLUMNS " "
    "FROM (SELECT " OF_EACH_CUT ROLLUP_SUMS " "
    "FROM (SELECT " ROLLUP_OF_ROW ROLLUP_COUNTS " "
    "FROM usage_logs u WHERE " OF_SPAN " GROUP BY " ROLLUP_BY_ROW ") AS g "
    "CROSS JOIN usage_cuts c GROUP BY 1, 2, 3, 4, 5) AS k "
    "JOIN usage_subjects s ON s.cut = k.cut AND s.key_id = k.key_id AND s.user_id = k.user_id "
    "AND s.provider = k.provider AND s.model = k.model";

/* Between which ids the rows are: those that were counted, and those of the marks. */
static const char ids[] =
    "SELECT min(low), max(high) FROM (SELECT low, high FROM usage_spans WHERE span <= $1 AND "
    "start >= $2 AND start < CAST($2 AS bigint) + CAST($1 AS bigint) AND low <> '' UNION ALL "
    "SELECT low, high FROM usage_marks WHERE minute >= $2 AND minute < CAST($2 AS bigint) + "
    "CAST($1 AS bigint)) AS known";
static const char add_span[] =
    "INSERT INTO usage_spans (span, start, low, high) VALUES ($1, $2, $3, $4)";
static const char take_marks[] = "DELETE FROM usage_marks WHERE minute >= $2 AND minute < "
                                 "CAST($2 AS bigint) + CAST($1 AS bigint)";

/* Where rows are: their ids, and the times as SQL has them. */
struct rows {
    char low[RECORD_ID_TEXT + 1], high[RECORD_ID_TEXT + 1];
    char since[TIME_TEXT], until[TIME_TEXT];
};

static int read_ids(struct db *db, const uint64_t span[2], struct rows *ret)
{
    struct db_statement *s;
    int rc = db_prepare(db, ids, &s);

    if (rc < 0)
        return rc;
    db_bind_u64(s, 1, span[0]);
    db_bind_u64(s, 2, span[1]);
    rc = db_step(s);
    if (rc == DB_ROW) {
        record_text(ret->low, sizeof(ret->low), db_column_text(s, 0));
        record_text(ret->high, sizeof(ret->high), db_column_text(s, 1));
    }
    db_reset(s);
    return rc < 0 ? rc : rc == DB_ROW ? OK : -EBADMSG;
}

/* sql: one about the rows of a span; $5, $6 are the caller's. */
static int prepare_for_rows(struct db *db, const char *sql, const uint64_t span[2],
                            struct rows *rows, struct db_statement **ret)
{
    int rc = db_prepare(db, sql, ret);

    if (rc < 0)
        return rc;
    bind_time(*ret, 1, MAX(span[1] * MINUTE_US, 1u), rows->since);
    bind_time(*ret, 2, (span[1] + span[0]) * MINUTE_US, rows->until);
    db_bind_text(*ret, 3, slice_str(rows->low));
    db_bind_text(*ret, 4, slice_str(rows->high));
    return OK;
}

static int count_rows(struct db *db, const uint64_t span[2], struct rows *rows)
{
    struct db_statement *s;
    int rc = prepare_for_rows(db, add_subjects, span, rows, &s);

    if (rc == OK)
        rc = db_run(s);
    if (rc == OK)
        rc = prepare_for_rows(db, add_sums, span, rows, &s);
    if (rc < 0)
        return rc;
    db_bind_u64(s, 5, span[0]);
    db_bind_u64(s, 6, span[1]);
    return db_run(s);
}

static int keep_span(struct db *db, const uint64_t span[2], const struct rows *rows)
{
    struct db_statement *s;
    int rc = db_prepare(db, add_span, &s);

    if (rc < 0)
        return rc;
    db_bind_u64(s, 1, span[0]);
    db_bind_u64(s, 2, span[1]);
    db_bind_text(s, 3, slice_str(rows->low));
    db_bind_text(s, 4, slice_str(rows->high));
    return db_run(s);
}

/* A minute or an hour, with marks; as if it were the first time. */
static int work_out(struct db *db, size_t level, uint64_t start)
{
    const uint64_t span[2] = {rollup_lengths[level], start};
    struct rows rows = {0};
    int rc = read_ids(db, span, &rows);

    if (rc == OK)
        rc = forget(db, span[0], span[1]);
    if (rc == OK)
        rc = forget_longer(db, level, start);
    if (rc == OK)
        rc = count_rows(db, span, &rows);
    if (rc == OK)
        rc = keep_span(db, span, &rows);
    return rc == OK ? run_with(db, take_marks, span, 2) : rc;
}

/* --- what is to be done next --- */

/* $1: the first minute that is not over */
static const char next_mark[] =
    "SELECT minute FROM usage_marks WHERE minute < $1 ORDER BY minute LIMIT 1";
/* SQLite: a server drops them with their day */
static const char delete_gone[] =
    "DELETE FROM usage_logs WHERE id IN (SELECT u.id FROM usage_marks m CROSS JOIN usage_logs u "
    "WHERE m.minute = $1 AND u.id >= m.low AND u.id <= m.high AND u.created_at < (SELECT "
    "strftime('%Y-%m-%dT%H:%M:%fZ', minute * 60, 'unixepoch') FROM usage_horizon))";
static const char is_gone[] = "SELECT 1 FROM usage_horizon WHERE minute > $1";
static const char has_minutes[] =
    "SELECT 1 FROM usage_spans WHERE span = $1 AND start >= $2 AND start < $3 LIMIT 1";

/* Whether the hour was worked out, and has ended its minutes since. */
static int is_whole(struct db *db, uint64_t hour)
{
    const uint64_t as_hour[] = {rollup_lengths[ROLLUP_HOUR_LEVEL], hour};
    const uint64_t minutes[] = {rollup_lengths[ROLLUP_MINUTE], hour, hour + as_hour[0]};
    uint64_t one;
    int rc = read_number(db, is_worked_out, as_hour, 2, &one);

    if (rc != DB_ROW)
        return rc;
    rc = read_number(db, has_minutes, minutes, 3, &one);
    return rc < 0 ? rc : rc == OK;
}

/* Rows that came too late: what was worked out stays. */
static int drop_gone(struct db *db, uint64_t minute)
{
    const uint64_t span[] = {rollup_lengths[ROLLUP_MINUTE], minute};
    int rc = db_can_copy(db) ? OK : run_with(db, delete_gone, &minute, 1);

    return rc == OK ? run_with(db, take_marks, span, 2) : rc;
}

static int roll_marked(struct db *db, uint64_t minute)
{
    uint64_t one, hour = minute - minute % rollup_lengths[ROLLUP_HOUR_LEVEL];
    int rc = read_number(db, is_gone, &minute, 1, &one);

    if (rc < 0)
        return rc;
    if (rc == DB_ROW)
        return drop_gone(db, minute);
    rc = is_whole(db, hour);
    if (rc < 0)
        return rc;
    return rc ? work_out(db, ROLLUP_HOUR_LEVEL, hour) : work_out(db, ROLLUP_MINUTE, minute);
}

/* $1: the shorter length; $2: the longer; $3: the first minute that is not over. */
static const char next_longer[] =
    "SELECT f.start - f.start % CAST($2 AS bigint) FROM usage_spans f WHERE f.span = $1 "
    "AND f.start - f.start % CAST($2 AS bigint) + CAST($2 AS bigint) <= $3 AND NOT EXISTS "
    "(SELECT 1 FROM usage_spans l WHERE l.span = CAST($2 AS integer) AND l.start = "
    "f.start - f.start % CAST($2 AS bigint)) ORDER BY f.start LIMIT 1";
/* $1: the shorter length; $2: the longer; $3: its start */
static const char add_up[] =
    "INSERT INTO usage_sums (subject, span, start" ROLLUP_COLUMNS ") SELECT subject, "
    "CAST($2 AS integer), CAST($3 AS bigint)" ROLLUP_SUMS " FROM usage_sums WHERE span = $1 "
    "AND start >= $3 AND start < CAST($3 AS bigint) + CAST($2 AS bigint) GROUP BY subject";

static int roll_longer(struct db *db, size_t level, uint64_t over)
{
    uint64_t numbers[] = {rollup_lengths[level - 1], rollup_lengths[level], over};
    struct rows rows = {0};
    int rc = read_number(db, next_longer, numbers, 3, &numbers[2]);

    if (rc != DB_ROW)
        return rc;
    rc = run_with(db, add_up, numbers, 3);
    if (rc == OK)
        rc = read_ids(db, &numbers[1], &rows);
    if (rc == OK)
        rc = keep_span(db, &numbers[1], &rows);
    return rc < 0 ? rc : DB_ROW;
}

/* $1, $2: the lengths of a minute and an hour; $3: the first minute whose hour keeps its own */
static const char next_old[] =
    "SELECT m.start - m.start % CAST($2 AS bigint) FROM usage_spans m WHERE m.span = $1 "
    "AND m.start < $3 AND EXISTS (SELECT 1 FROM usage_spans h WHERE h.span = CAST($2 AS integer) "
    "AND h.start = m.start - m.start % CAST($2 AS bigint)) ORDER BY m.start LIMIT 1";
static const char end_minutes[] = "DELETE FROM usage_spans WHERE span = $1 AND start >= $3 AND "
                                  "start < CAST($3 AS bigint) + CAST($2 AS bigint)";
static const char next_left[] =
    "SELECT t.start FROM usage_sums t WHERE t.span = $1 AND t.start < $2 AND NOT EXISTS "
    "(SELECT 1 FROM usage_spans m WHERE m.span = t.span AND m.start = t.start) "
    "ORDER BY t.start LIMIT 1";

/* First an hour's minutes are all at once not worked out any more; then their sums end. */
static int end_minutes_before(struct db *db, uint64_t kept)
{
    uint64_t hour[] = {rollup_lengths[ROLLUP_MINUTE], rollup_lengths[ROLLUP_HOUR_LEVEL], kept};
    uint64_t minute[] = {rollup_lengths[ROLLUP_MINUTE], kept};
    int rc = read_number(db, next_old, hour, 3, &hour[2]);

    if (rc == DB_ROW)
        rc = run_with(db, end_minutes, hour, 3);
    else if (rc == OK && (rc = read_number(db, next_left, minute, 2, &minute[1])) == DB_ROW)
        rc = run_with(db, forget_sums, minute, 2);
    else
        return rc;
    return rc < 0 ? rc : DB_ROW;
}

static int roll(struct db *db, uint64_t over)
{
    uint64_t minute;
    int rc = read_number(db, next_mark, &over, 1, &minute);

    if (rc == DB_ROW) {
        rc = roll_marked(db, minute);
        return rc < 0 ? rc : DB_ROW;
    }
    for (size_t level = ROLLUP_HOUR_LEVEL; rc == OK && level < ROLLUP_LEVELS; level++)
        rc = roll_longer(db, level, over);
    return rc == OK && over > KEPT_MINUTES ? end_minutes_before(db, over - KEPT_MINUTES) : rc;
}

/* An hour that is worked out anew may have some million rows. */
int rollup_repo_roll(struct db *db, uint64_t over_by_wall_us)
{
    unsigned patience = db_patience(db);
    int rc = db_begin_still(db);

    if (rc < 0)
        return rc;
    db_set_patience(db, PATIENCE_MS);
    int worked = roll(db, over_by_wall_us / MINUTE_US);
    rc = db_end(db, MIN(worked, OK));
    db_set_patience(db, patience);
    return rc < 0 ? rc : worked;
}

/* --- when keys were used --- */

/* One UPDATE for all of them; a later time stays. An id is of its record's time or, when the clock
 * was set back, of a later one. */
#define USED                                                                                       \
    "(SELECT key_id, max(created_at) AS at FROM usage_logs WHERE created_at >= $1 AND id >= $2 "   \
    "GROUP BY key_id) AS used"
static const char note_use_sqlite[] =
    "UPDATE api_keys SET last_used_at = used.at FROM " USED
    " WHERE api_keys.id = used.key_id AND (last_used_at IS NULL OR last_used_at < used.at)";
/* Keys that somebody changes at the moment are left for the next time: who holds some rows and
 * waits for others could wait in a circle with an administrator, and the server would end either.
 */
static const char note_use_postgres[] =
    "UPDATE api_keys SET last_used_at = free.at FROM (SELECT k.id, used.at FROM api_keys AS k "
    "JOIN " USED " ON k.id = used.key_id WHERE k.last_used_at IS NULL OR k.last_used_at < used.at "
    "FOR NO KEY UPDATE OF k SKIP LOCKED) AS free WHERE api_keys.id = free.id";

int rollup_repo_note_use(struct db *db, uint64_t since_wall_us)
{
    char since[TIME_TEXT], low[RECORD_ID_TEXT];
    struct record_id id = {.bytes = {0}};
    struct db_statement *s;
    int rc = db_prepare(db, db_can_copy(db) ? note_use_postgres : note_use_sqlite, &s);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < 6; i++) /* a UUIDv7 begins with 48 bits of milliseconds */
        id.bytes[i] = (unsigned char)(since_wall_us / 1000 >> (40 - 8 * i));
    record_id_format(&id, low);
    bind_time(s, 1, MAX(since_wall_us, 1u), since);
    db_bind_text(s, 2, slice_of(low, sizeof(low)));
    return db_run(s);
}
