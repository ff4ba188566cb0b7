/* test_usage_repo.c: a record becomes a row with every column of the contract, once. */

#include "repository/usage_repo.h"

#include "model/outcome.h"

#include "support/store_rig.h"

#include <errno.h>

static const uint64_t noon = 1769860800000000; /* 2026-01-31T12:00:00Z */

static struct record record_of(unsigned char n)
{
    struct record r = {
        .id.bytes = {1, 2, 3, 4, 5, 6, 0x70, 8, 0x80, [15] = n},
        .created_wall_us = noon + 345678,
        .user_id = 3,
        .key_id = 17,
        .prompt_tokens = 100,
        .completion_tokens = 23,
        .cached_tokens = 40,
        .cache_write_tokens = 5,
        .reasoning_tokens = 6,
        .request_bytes = 1024,
        .response_bytes = 2048,
        .latency_ms = 321,
        .first_token_ms = 12,
        .http_status = 200,
        .attempts = 2,
        .status = OUTCOME_OK,
        .usage_source = USAGE_PROVIDER,
        .stream = 1,
        .fallback_used = 1,
        .request_id = "req-1",
        .endpoint = "/v1/chat/completions",
        .requested_model = "gpt-4o",
        .served_model = "claude-sonnet",
        .provider = "claude",
        .error_code = "some_code"
    };
    return r;
}

static void every_column_is_written(void **state)
{
    struct store_rig *r = *state;
    struct record record = record_of(9);

    assert_int_equal(usage_repo_put(r->db, &record, 1), OK);
    assert_sql(r, "SELECT id FROM usage_logs", "01020304-0506-7008-8000-000000000009");
    assert_sql(r, "SELECT created_at FROM usage_logs", "2026-01-31T12:00:00.345Z");
    assert_sql(r, "SELECT stream FROM usage_logs", "1");
    assert_sql(r, "SELECT fallback_used FROM usage_logs", "1");
    assert_sql(r,
               "SELECT request_id || '|' || user_id || '|' || key_id || '|' || endpoint || '|' || "
               "requested_model || '|' || served_model || '|' || provider || '|' || status || '|' "
               "|| http_status || '|' || error_code || '|' || attempts FROM usage_logs",
               "req-1|3|17|/v1/chat/completions|gpt-4o|claude-sonnet|claude|ok|200|some_code|2");
    assert_sql(r,
               "SELECT prompt_tokens || '|' || completion_tokens || '|' || total_tokens || '|' || "
               "cached_tokens || '|' || cache_write_tokens || '|' || reasoning_tokens || '|' || "
               "usage_source || '|' || latency_ms || '|' || first_token_ms || '|' || "
               "request_bytes || '|' || response_bytes FROM usage_logs",
               "100|23|123|40|5|6|provider|321|12|1024|2048");
}

static void what_is_not_known_is_null(void **state)
{
    struct store_rig *r = *state;
    struct record record = {.created_wall_us = noon, .status = OUTCOME_GATEWAY_ERROR};

    assert_int_equal(usage_repo_put(r->db, &record, 1), OK);
    assert_sql(r,
               "SELECT status || usage_source FROM usage_logs WHERE requested_model IS NULL AND "
               "served_model IS NULL AND provider IS NULL AND error_code IS NULL AND "
               "first_token_ms IS NULL",
               "gateway_errornone");
}

static void the_later_of_one_id_counts(void **state)
{
    struct store_rig *r = *state;
    struct record batch[3] = {record_of(1), record_of(2), record_of(1)};

    batch[2].status = OUTCOME_CLIENT_CLOSED;
    batch[2].completion_tokens = 7;
    assert_int_equal(usage_repo_put(r->db, batch, 3), OK);
    assert_sql(r,
               "SELECT group_concat(status || total_tokens) FROM (SELECT * FROM usage_logs ORDER "
               "BY id) AS u",
               "client_closed107,ok123");
    batch[1].status = OUTCOME_INTERRUPTED;
    assert_int_equal(usage_repo_put(r->db, &batch[1], 2), OK);
    assert_sql(r, "SELECT group_concat(status) FROM (SELECT * FROM usage_logs ORDER BY id) AS u",
               "client_closed,interrupted");
}

static const char refuse_in_sqlite[] =
    "CREATE TRIGGER no BEFORE INSERT ON usage_logs WHEN new.id LIKE '%2' "
    "BEGIN SELECT raise(ABORT, 'no'); END";
static const char refuse_in_postgres[] =
    "ALTER TABLE usage_logs ADD CONSTRAINT odd CHECK (id::text NOT LIKE '%2')";

static void a_batch_is_all_or_nothing(void **state)
{
    struct store_rig *r = *state;
    struct record batch[2] = {record_of(1), record_of(2)};

    assert_int_equal(db_exec(r->db, r->postgres ? refuse_in_postgres : refuse_in_sqlite), OK);
    assert_int_equal(usage_repo_put(r->db, batch, 2), -EEXIST);
    assert_non_null(strstr(repository_error(r->db), r->postgres ? "usage_logs" : "no"));
    assert_sql(r, "SELECT count(*) FROM usage_logs", "0");
    assert_int_equal(db_exec(r->db, r->postgres ? "ALTER TABLE usage_logs DROP CONSTRAINT odd"
                                                : "DROP TRIGGER no"),
                     OK);
    assert_int_equal(usage_repo_put(r->db, batch, 2), OK);
    assert_sql(r, "SELECT count(*) FROM usage_logs", "2");
}

static void counters_beyond_the_database_are_its_largest(void **state)
{
    struct store_rig *r = *state;
    struct record record = record_of(1);

    record.prompt_tokens = UINT64_MAX;
    assert_int_equal(usage_repo_put(r->db, &record, 1), OK);
    assert_sql(r, "SELECT prompt_tokens FROM usage_logs", "9223372036854775807");
}

static void a_batch_of_none_is_nothing(void **state)
{
    struct store_rig *r = *state;

    assert_int_equal(usage_repo_put(r->db, NULL, 0), OK);
}

static void usage_does_not_move_the_catalog(void **state)
{
    struct store_rig *r = *state;
    struct record record = record_of(1);
    uint64_t version = store_rig_version(r);

    assert_int_equal(usage_repo_put(r->db, &record, 1), OK);
    assert_int_equal(store_rig_version(r), version);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(every_column_is_written),
        STORE_TEST(what_is_not_known_is_null),
        STORE_TEST(the_later_of_one_id_counts),
        STORE_TEST(a_batch_is_all_or_nothing),
        STORE_TEST(counters_beyond_the_database_are_its_largest),
        STORE_TEST(a_batch_of_none_is_nothing),
        STORE_TEST(usage_does_not_move_the_catalog),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
