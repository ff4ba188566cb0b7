/* test_usage_retention.c: rows end by their day, their sums stay, and what came too late is not
 * counted twice. */

#include "repository/rollup_repo.h"
#include "repository/usage_repo.h"
#include "repository/usage_retention.h"

#include "base/clock.h"
#include "model/outcome.h"

#include "support/store_rig.h"

#include <errno.h>

#define HOUR ((uint64_t)3600 * 1000000)
#define DAY  (24 * HOUR)

static const uint64_t noon = 1769860800000000; /* 2026-01-31T12:00:00Z */

static void put(struct store_rig *r, uint64_t wall_us)
{
    struct record record = {.id = record_id_new(wall_us),
                            .created_wall_us = wall_us,
                            .user_id = 1,
                            .key_id = 1,
                            .status = OUTCOME_OK};

    assert_int_equal(usage_repo_put(r->db, &record, 1), OK);
}

static unsigned each(struct store_rig *r, int (*step)(struct db *db))
{
    unsigned n = 0;
    int rc;

    while ((rc = step(r->db)) == 1)
        n++;
    if (rc < 0)
        fail_msg("%s", repository_error(r->db));
    return n;
}

static void roll_all(struct store_rig *r)
{
    while (rollup_repo_roll(r->db, noon + 100 * DAY) == 1)
        ;
}

static uint64_t counted(struct store_rig *r)
{
    struct rollup_query q = {.group = ROLLUP_TOTAL, .until_wall_us = noon + 100 * DAY, .limit = 1};
    struct rollup_row *rows;
    size_t n;

    assert_int_equal(rollup_repo_sum(r->db, &q, &r->arena, &rows, &n), OK);
    return rows[0].sums.requests;
}

/* What it ends is gone, and the horizon never comes back. */
static void a_clock_that_is_ahead_is_noticed(void **state)
{
    struct store_rig *r = *state;
    uint64_t now = clock_wall_us();

    assert_int_equal(usage_retention_check_clock(r->db, now), OK);
    assert_int_equal(usage_retention_check_clock(r->db, now - 2 * HOUR), OK);
    assert_int_equal(usage_retention_check_clock(r->db, now + 2 * HOUR),
                     db_can_copy(r->db) ? -ERANGE : OK);
}

static void old_days_end_and_their_sums_stay(void **state)
{
    struct store_rig *r = *state;

    for (unsigned day = 0; day < 5; day++)
        for (unsigned i = 0; i < 3; i++)
            put(r, noon + day * DAY + i * HOUR);
    assert_int_equal(usage_retention_advance(r->db, noon + 2 * DAY), OK);
    assert_int_equal(each(r, usage_retention_end_rows), 0); /* not before they were counted */
    assert_sql(r, "SELECT count(*) FROM usage_logs", "15");
    roll_all(r);
    assert_int_equal(usage_retention_advance(r->db, noon + 2 * DAY), OK);
    assert_true(each(r, usage_retention_end_rows) > 0);
    assert_sql(r, "SELECT count(*) FROM usage_logs", "9");
    assert_sql(r, "SELECT min(created_at) FROM usage_logs", "2026-02-02T12:00:00.000Z");
    assert_int_equal(counted(r), 15);

    put(r, noon + HOUR); /* too late: its hour stays as it was */
    assert_int_equal(counted(r), 15);
    roll_all(r);
    assert_int_equal(counted(r), 15);
    assert_int_equal(usage_retention_advance(r->db, noon + DAY), OK); /* never back */
    assert_int_equal(usage_retention_advance(r->db, noon + 2 * DAY), OK);
    each(r, usage_retention_end_rows);
    assert_sql(r, "SELECT count(*) FROM usage_logs", "9");
    assert_sql(r, "SELECT count(*) FROM usage_marks", "0");
}

static void more_rows_than_one_piece(void **state)
{
    struct store_rig *r = *state;
    struct record *records = calloc(1200, sizeof(*records));

    for (unsigned i = 0; i < 1200; i++)
        records[i] = (struct record){
            .id = record_id_new(noon + i), .created_wall_us = noon + i, .status = OUTCOME_OK};
    assert_int_equal(usage_repo_put(r->db, records, 1200), OK);
    put(r, noon + DAY);
    roll_all(r);
    assert_int_equal(usage_retention_advance(r->db, noon + DAY), OK);
    assert_int_equal(each(r, usage_retention_end_rows), r->postgres ? 1 : 3);
    assert_sql(r, "SELECT count(*) FROM usage_logs", "1");
    assert_int_equal(counted(r), 1201);
    free(records);
}

static int end_sums(struct db *db)
{
    return usage_retention_end_sums(db, noon + 2 * HOUR);
}

static void sums_end_span_by_span(void **state)
{
    struct store_rig *r = *state;

    for (unsigned i = 0; i < 4; i++)
        put(r, noon + i * HOUR);
    roll_all(r);
    assert_sql(r, "SELECT count(*) FROM usage_spans", "8"); /* four hours, and what holds them */
    assert_int_equal(each(r, end_sums), 2);
    assert_sql(r, "SELECT count(*) FROM usage_spans", "6");
    assert_sql(r, "SELECT count(*) FROM usage_sums WHERE span = 60", "8"); /* four cuts each */
    assert_int_equal(counted(r), 4); /* of all time: longer spans hold them */
}

static int end_all_sums(struct db *db)
{
    return usage_retention_end_sums(db, noon + 60 * DAY);
}

static void who_is_in_no_sum_is_forgotten(void **state)
{
    struct store_rig *r = *state;

    put(r, noon);
    roll_all(r);
    assert_sql(r, "SELECT count(*) FROM usage_subjects", "4");
    assert_int_equal(each(r, end_all_sums), 5);
    assert_sql(r, "SELECT count(*) FROM usage_sums", "0");
    assert_sql(r, "SELECT count(*) FROM usage_spans", "0");
    put(r, noon + 61 * DAY);
    roll_all(r);
    assert_int_equal(counted(r), 1);
}

static void days_are_made_ahead(void **state)
{
    struct store_rig *r = *state;

    assert_int_equal(usage_retention_make_days(r->db, noon, 3), OK);
    assert_int_equal(usage_retention_make_days(r->db, noon + DAY, 3), OK);
    if (r->postgres)
        assert_sql(r,
                   "SELECT group_concat(relname::text) FROM (SELECT c.relname FROM pg_inherits i "
                   "JOIN pg_class c ON c.oid = i.inhrelid WHERE inhparent = "
                   "'usage_logs'::regclass ORDER BY 1) AS days",
                   "usage_logs_20260131,usage_logs_20260201,usage_logs_20260202,"
                   "usage_logs_20260203");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_clock_that_is_ahead_is_noticed), STORE_TEST(old_days_end_and_their_sums_stay),
        STORE_TEST(more_rows_than_one_piece),         STORE_TEST(sums_end_span_by_span),
        STORE_TEST(who_is_in_no_sum_is_forgotten),    STORE_TEST(days_are_made_ahead),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
