/* test_housekeeper.c: what it finds it does, in both stores, and of two one does it. */

#include "service/housekeeper.h"

#include "base/clock.h"
#include "base/log.h"
#include "model/outcome.h"
#include "repository/audit_repo.h"
#include "repository/repository.h"
#include "repository/usage_repo.h"
#include "store/db.h"

#include "support/store_rig.h"

#include <stdarg.h>
#include <setjmp.h>
#include <time.h>
#include <cmocka.h>

#define HOUR_US ((uint64_t)3600 * 1000000)

static void wait_for(struct store_rig *f, const char *sql, int64_t wanted)
{
    const struct timespec moment = {.tv_nsec = 5000000};

    while (db_rig_number(f->db, sql) != wanted)
        nanosleep(&moment, NULL);
}

static void wait_for_text(const char *path, const char *words)
{
    const struct timespec moment = {.tv_nsec = 5000000};
    char text[4096] = "";

    while (!strstr(text, words)) {
        FILE *file = fopen(path, "r");
        size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
        text[n] = '\0';
        if (file)
            fclose(file);
        nanosleep(&moment, NULL);
    }
}

static void put(struct store_rig *f, uint64_t wall_us)
{
    struct record r = {.id = record_id_new(wall_us),
                       .created_wall_us = wall_us,
                       .user_id = 1,
                       .key_id = 1,
                       .status = OUTCOME_OK};

    assert_int_equal(usage_repo_put(f->db, &r, 1), OK);
}

static void note_change(struct store_rig *f, uint64_t wall_us)
{
    const struct audit_row row = {
        .wall_us = wall_us, .action = SLICE("update"), .kind = SLICE("user"), .object = SLICE("1")};

    assert_int_equal(audit_repo_add(f->db, &row), OK);
}

static void a_round_keeps_the_house(void **state)
{
    struct store_rig *f = *state;
    struct housekeeper_options options = {.store = slice_str(f->url),
                                          .retention_ms = 48 * 3600 * (uint64_t)1000};
    struct housekeeper *h, *second;
    uint64_t now = clock_wall_us();

    assert_int_equal(db_exec(f->db, "INSERT INTO users (id, name, created_at) VALUES "
                                    "(1, 'a', '2026-01-31T12:00:00.000Z')"),
                     OK);
    assert_int_equal(
        db_exec(f->db, f->postgres
                           ? "INSERT INTO api_keys (id, user_id, name, prefix, hash, is_admin, "
                             "status, rpm, tpm, concurrency, models, created_at, from_file) VALUES "
                             "(1, 1, '', '', '', false, 'active', 0, 0, 0, '', now(), 0)"
                           : "INSERT INTO api_keys (id, user_id, name, prefix, hash, is_admin, "
                             "status, rpm, tpm, concurrency, models, created_at, from_file) VALUES "
                             "(1, 1, '', '', '', 0, 'active', 0, 0, 0, '', '', 0)"),
        OK);
    put(f, now);
    put(f, now - 30 * HOUR_US);
    put(f, now - 500 * HOUR_US);
    for (unsigned i = 0; i < 1001; i++) /* more than one step ends */
        note_change(f, now - 401 * 24 * HOUR_US);
    note_change(f, now - 399 * 24 * HOUR_US);
    note_change(f, now);
    assert_int_equal(housekeeper_start(&options, &h), OK);
    assert_int_equal(housekeeper_start(&options, &second), OK);
    wait_for(f, "SELECT count(*) FROM usage_spans WHERE span = 60", 2); /* hours that are over */
    wait_for(f, "SELECT count(*) FROM usage_logs", 2);                  /* the oldest has gone */
    wait_for(f, "SELECT count(*) FROM api_keys WHERE last_used_at IS NOT NULL", 1);
    wait_for(f, "SELECT count(*) FROM usage_marks", 1); /* of the minute that goes on */
    wait_for(f, "SELECT count(*) FROM audit_log", 2);
    housekeeper_stop(second);
    housekeeper_stop(h);
    assert_int_equal(db_rig_number(f->db, "SELECT count(*) FROM usage_spans WHERE span = 60"), 2);
}

/* Nothing was written for weeks: nobody ran, or the clock is wrong. */
static void a_clock_far_ahead_of_all_rows_ends_nothing(void **state)
{
    struct store_rig *f = *state;
    struct housekeeper_options options = {.store = slice_str(f->url),
                                          .retention_ms = 48 * 3600 * (uint64_t)1000};
    struct housekeeper *h;
    uint64_t now = clock_wall_us();
    char aside[SCRATCH_PATH];

    put(f, now - 500 * HOUR_US);
    const struct log_options to = {.level = LOG_WARN,
                                   .path = scratch_path(&f->scratch, "", "log", aside)};
    assert_int_equal(log_start(&to), OK);
    assert_int_equal(housekeeper_start(&options, &h), OK);
    wait_for_text(aside, "has jumped");
    housekeeper_stop(h);
    log_stop();
    assert_int_equal(db_rig_number(f->db, "SELECT count(*) FROM usage_logs"), 1);
    put(f, now);
    assert_int_equal(housekeeper_start(&options, &h), OK);
    wait_for(f, "SELECT count(*) FROM usage_logs", 1); /* the old one has gone */
    housekeeper_stop(h);
}

static void a_store_that_is_away_harms_nobody(void **state)
{
    struct housekeeper_options options = {.store = SLICE("sqlite:/dev/null/courier.db")};
    struct housekeeper *h;

    (void)state;
    assert_int_equal(housekeeper_start(&options, &h), OK);
    housekeeper_stop(h);
    housekeeper_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_round_keeps_the_house),
        STORE_TEST_OF(a_clock_far_ahead_of_all_rows_ends_nothing, "sqlite"),
        cmocka_unit_test(a_store_that_is_away_harms_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
