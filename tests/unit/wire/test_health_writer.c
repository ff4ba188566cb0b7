/* A health report as JSON, and what its parts come to. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/alloc_fail.h"
#include "wire/health_writer.h"

static const struct target_health closed = {.model = SLICE_INIT("m"),
                                            .upstream_model = SLICE_INIT("u\"x"),
                                            .address = SLICE_INIT("h:1"),
                                            .workers = {[CIRCUIT_CLOSED] = 2}};
static const struct target_health open = {
    .model = SLICE_INIT("n"), .workers = {1, 0, 1},
         .rests_ms = 1500, .failures_in_a_row = 5
};

static struct health_report good_report(void)
{
    return (struct health_report){
        .version = SLICE("1"),
        .now_wall_us = 1700000002000000,
        .started_wall_us = 1700000000000000,
        .workers = 2,
        .workers_heard = 2,
        .database = {.reachable = true, .question_us = 12, .schema = 3},
        .snapshot = {.source = SLICE("database")     },
    };
}

static struct provider_health provider_of(const struct target_health *targets, size_t n)
{
    return (struct provider_health){
        .name = SLICE("p"), .configured = 3, .idle = 1, .targets = targets, .targets_len = n};
}

static void providers_and_their_states(void **state)
{
    const struct target_health both[] = {closed, open};
    struct provider_health p = provider_of(both, 2);

    (void)state;
    assert_string_equal(provider_health_status(&p), "degraded");
    p = provider_of(both, 1);
    assert_string_equal(provider_health_status(&p), "ok");
    p = provider_of(both + 1, 1);
    assert_string_equal(provider_health_status(&p), "down");
    p = provider_of(NULL, 0);
    assert_string_equal(provider_health_status(&p), "unused");
}

static void anything_that_is_wrong_degrades(void **state)
{
    struct provider_health p = provider_of(&open, 1);

    (void)state;
    struct health_report r = good_report();
    assert_true(health_report_is_good(&r));
    r.database.reachable = false;
    assert_false(health_report_is_good(&r));
    r = good_report();
    r.snapshot.source = SLICE("file");
    assert_false(health_report_is_good(&r));
    r = good_report();
    r.ledger.failing_since_wall_us = 1;
    assert_false(health_report_is_good(&r));
    r = good_report();
    r.ledger.spool_failing_since_wall_us = 1;
    assert_false(health_report_is_good(&r));
    r = good_report();
    r.limiter.workers = 2;
    r.limiter.reached = 1;
    assert_false(health_report_is_good(&r));
    r = good_report();
    r.workers_heard = 1;
    assert_false(health_report_is_good(&r));
    r = good_report();
    r.draining = true;
    assert_false(health_report_is_good(&r));
    r = good_report();
    r.providers = &p;
    r.providers_len = 1;
    assert_false(health_report_is_good(&r));
}

static void the_text(void **state)
{
    const struct target_health both[] = {closed, open};
    struct provider_health p = provider_of(both, 2);
    struct health_report r = good_report();
    struct arena a;

    (void)state;
    r.providers = &p;
    r.providers_len = 1;
    arena_init(&a, 0);
    struct slice text = health_write(&r, &a);
    assert_string_equal(
        arena_copy(&a, text).at,
        "{\"status\":\"degraded\",\"version\":\"1\",\"commit\":\"\",\"instance\":\"\","
        "\"started_at\":\"2023-11-14T22:13:20.000Z\",\"uptime_s\":2,\"workers\":2,"
        "\"workers_answering\":2,\"draining\":false,"
        "\"database\":{\"status\":\"ok\",\"since\":null,\"latency_us\":12,\"schema\":3},"
        "\"limiter\":{\"status\":\"ok\",\"counts\":\"memory\",\"decided_by\":{\"redis\":0,"
        "\"local\":0,\"open\":0,\"closed\":0}},"
        "\"ledger\":{\"status\":\"ok\",\"backlog\":0,\"in_journals\":0,\"in_spool\":0,"
        "\"oldest_at\":null,\"written\":0,\"dropped\":0,\"rejected\":0,\"spool_bytes\":0,"
        "\"spool_limit_bytes\":0,\"failing_since\":null,\"spool_failing_since\":null},"
        "\"snapshot\":{\"source\":\"database\",\"version\":0,\"current_at\":null,\"keys\":0,"
        "\"models\":0},\"providers\":[{\"name\":\"p\",\"status\":\"degraded\","
        "\"targets_configured\":3,\"connections\":{\"active\":0,\"idle\":1,\"waiting\":0},"
        "\"targets\":[{\"model\":\"m\",\"upstream_model\":\"u\\\"x\",\"address\":\"h:1\","
        "\"circuit\":\"closed\",\"workers\":{\"closed\":2,\"half_open\":0,\"open\":0},"
        "\"rests_until\":null,\"in_flight\":0,\"failures_in_a_row\":0,\"calls_10s\":0,"
        "\"failures_10s\":0},{\"model\":\"n\",\"upstream_model\":\"\",\"address\":\"\","
        "\"circuit\":\"open\",\"workers\":{\"closed\":1,\"half_open\":0,\"open\":1},"
        "\"rests_until\":\"2023-11-14T22:13:23.500Z\",\"in_flight\":0,\"failures_in_a_row\":5,"
        "\"calls_10s\":0,\"failures_10s\":0}]}]}\n");
    arena_clear(&a);
}

static void memory_that_fails_is_told(void **state)
{
    struct health_report r = good_report();

    (void)state;
    for (unsigned n = 1;; n++) {
        struct arena a;
        arena_init(&a, 0);
        alloc_fail_at(n);
        struct slice text = health_write(&r, &a);
        bool hit = alloc_fail_hit();
        arena_clear(&a);
        if (!hit)
            break;
        assert_null(text.at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(providers_and_their_states),
        cmocka_unit_test(anything_that_is_wrong_degrades),
        cmocka_unit_test(the_text),
        cmocka_unit_test(memory_that_fails_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
