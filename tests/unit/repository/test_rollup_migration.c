/* test_rollup_migration.c: sums by the hour, as they were kept before, become those of today. */

#include "repository/rollup_repo.h"

#include "base/clock.h"
#include "store/migrate.h"

#include "embedded_sql.h"
#include "support/store_rig.h"

enum { BEFORE = 9 /* migrations that were there then */ };

/* every sum of a row is the number of its requests */
#define TWENTY(n) n ", " n ", " n ", " n ", " n ", " n ", " n ", " n ", " n ", " n ", " TEN(n)
#define TEN(n)    n ", " n ", " n ", " n ", " n ", " n ", " n ", " n ", " n ", " n
#define HOURLY(hour, day, user, key, model, status, n)                                             \
    "INSERT INTO usage_hourly VALUES ('" hour "', '" day "', " user ", " key ", 'one', '" model    \
    "', 'served', '" status "', " TEN(n) ", " n ", " n ", " n ", " n                               \
                                         ", " TWENTY(n) ", " TWENTY(n) ");"
#define USAGE(id, at, key)                                                                         \
    "INSERT INTO usage_logs VALUES ('" id "', 'r', '" at "', 1, " key ", '/v1/x', 'gpt', "         \
    "'served', 'one', '0', 'ok', 200, NULL, 1, '0', 1, 1, 2, 0, 0, 0, 'provider', 5, NULL, 1, 1);"
#define ID(n) "01900000-0000-7000-8000-00000000000" n

static const char then[] = HOURLY("2026-01-30T10:00:00.000Z", "2026-01-30T00:00:00.000Z", "1", "1",
                                  "gpt", "ok", "100") HOURLY("2026-01-30T10:00:00.000Z",
                                                             "2026-01-30T00:00:00.000Z", "1", "1",
                                                             "gpt", "timeout", "7")
    HOURLY("2026-01-30T10:00:00.000Z", "2026-01-30T00:00:00.000Z", "1", "2", "claude", "ok", "20")
        HOURLY("2026-01-31T11:00:00.000Z", "2026-01-31T00:00:00.000Z", "1", "1", "gpt", "ok", "1")
    /* the rows of the first hour have ended; a row came late for the second; the third goes on */
    USAGE(ID("1"), "2026-01-31T11:10:00.000Z", "1") USAGE(ID("2"), "2026-01-31T11:20:00.000Z", "2")
        USAGE(
            ID("3"), "2026-01-31T12:05:00.000Z",
            "2") "INSERT INTO usage_hours VALUES ('2026-01-31T11:00:00.000Z', "
                 "'2026-01-31T12:00:00.000Z', "
                 "'2026-01-31T00:00:00.000Z', '" ID("1") "', '" ID(
                     "1") "');"
                          "INSERT INTO usage_marks (hour, until, day, low, high) VALUES "
                          "('2026-01-31T11:00:00.000Z', "
                          "'2026-01-31T12:00:00.000Z', '2026-01-31T00:00:00.000Z', '" ID(
                              "2") "', '" ID("2") "');"
                                                  "INSERT INTO usage_marks (hour, until, day, low, "
                                                  "high) VALUES ('2026-01-31T12:00:00.000Z', "
                                                  "'2026-01-31T13:00:00.000Z', "
                                                  "'2026-01-31T00:00:00.000Z', '" ID("3") "', '" ID(
                                                      "3") "');"
                                                           "UPDATE usage_horizon SET hour = "
                                                           "'2026-01-31T00:00:00.000Z';";

static const uint64_t later = 1769950800000000; /* 2026-02-01T13:00:00Z */

static void migrate_until_then(struct store_rig *r)
{
    struct migration list[BEFORE];
    size_t n = 0, folder = strlen(db_driver_name(r->db));
    char why[DB_WHY];

    for (size_t i = 0; i < ARRAY_LEN(embedded_files) && n < BEFORE; i++)
        if (strncmp(embedded_files[i].path, db_driver_name(r->db), folder) == 0)
            list[n++] =
                (struct migration){embedded_files[i].path + folder + 1, embedded_files[i].text};
    assert_int_equal(n, BEFORE);
    assert_int_equal(migrate_list(r->db, list, n, NULL, why), OK);
}

static struct rollup_sums asked(struct store_rig *r, struct rollup_query q)
{
    struct rollup_row *rows;
    size_t n;

    q.until_wall_us = later;
    q.limit = 10;
    if (rollup_repo_sum(r->db, &q, &r->arena, &rows, &n) < 0)
        fail_msg("%s", repository_error(r->db));
    assert_true(n >= 1);
    return rows[0].sums;
}

static void assert_all(struct store_rig *r)
{
    struct rollup_sums s = asked(r, (struct rollup_query){.group = ROLLUP_TOTAL});

    assert_int_equal(s.requests, 130); /* 127 of the first day, three rows of the second */
    assert_int_equal(s.errors, 7);
    assert_int_equal(s.prompt_tokens, 130);
    assert_int_equal(s.latency[19], 130);
    assert_int_equal(s.first[0], 127);
    assert_int_equal(s.first[19], 127);
    s = asked(r, (struct rollup_query){.group = ROLLUP_KEY, .key_id = 2});
    assert_int_equal(s.requests, 22);
    s = asked(r, (struct rollup_query){.group = ROLLUP_MODEL, .model = SLICE("gpt")});
    assert_int_equal(s.requests, 110);
    s = asked(r,
              (struct rollup_query){.group = ROLLUP_HOUR, .model = SLICE("claude"), .user_id = 1});
    assert_int_equal(s.requests, 20);
}

static void sums_of_before_stay(void **state)
{
    struct store_rig *r = *state;

    migrate_until_then(r);
    if (r->postgres)
        assert_int_equal(db_exec(r->db, "SELECT usage_logs_make_day('2026-01-31')"), OK);
    if (db_exec(r->db, then) < 0)
        fail_msg("%s", repository_error(r->db));
    store_rig_migrate(r);
    assert_all(r);
    while (rollup_repo_roll(r->db, later) == 1)
        assert_all(r);
    assert_all(r);
    assert_sql(r, "SELECT count(*) FROM usage_marks", "0");
    assert_sql(r, "SELECT count(*) FROM usage_spans WHERE span = 1440", "2");
}

#define EMPTY_TEST(name, store)                                                                    \
    {                                                                                              \
#name " (" store ")", name, store_rig_setup_empty, store_rig_teardown,                     \
            (void *)(uintptr_t)store                                                               \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        EMPTY_TEST(sums_of_before_stay, "sqlite"),
        EMPTY_TEST(sums_of_before_stay, "postgres"),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
