/* Exactly one row for each authenticated request, whatever became of it. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "support/played_gateway.h"
#include "middleware/auth.h"
#include "middleware/record.h"
#include "middleware/trace.h"
#include "web/exchange.h"
#include "web/problem.h"
#include "web/reply.h"

static struct exchange *seen;

static void ok_handle(struct exchange *x)
{
    assert_int_equal(journal_backlog(rig.services.journal), 0);
    reply_send(x, 200, SLICE("text/plain"), SLICE("ok"));
    /* in the journal before the answer can be seen */
    assert_int_equal(journal_backlog(rig.services.journal), 1);
}

static void count_cancel(struct exchange *x)
{
    x->outcome.usage = (struct usage){.input = 9, .output = 4, .source = USAGE_PARTIAL};
}

static void work_handle(struct exchange *x)
{
    seen = x;
    x->work.cancel = count_cancel;
}

static const struct middleware *const gates[] = {&middleware_trace, &middleware_auth,
                                                 &middleware_record, NULL};
static const struct route ok = {HTTP_GET, SLICE_INIT("/ok"), .handle = ok_handle};
static const struct route open_route = {HTTP_GET, SLICE_INIT("/open"), .open = true,
                                        .handle = work_handle};
static const struct route work = {HTTP_POST, SLICE_INIT("/work/{id}"), .handle = work_handle};
static const struct route admin = {HTTP_GET, SLICE_INIT("/admin"), .admin = true,
                                   .handle = work_handle};
static const struct route *const routes[] = {&ok, &open_route, &work, &admin, NULL};

static int rig_up(void **state)
{
    (void)state;
    rig_open(gates, routes);
    rig_publish();
    return 0;
}

static int rig_down(void **state)
{
    (void)state;
    rig_close();
    return 0;
}

static void ask(enum http_method method, const char *path, const char *key)
{
    fake_request(method, method == HTTP_GET ? "GET" : "POST", path);
    fake_field("x-request-id", "req-7");
    if (key)
        fake_field("x-api-key", key);
    fake_body("12345");
    rig_serve();
}

static struct record the_row(void)
{
    struct record rows[4];

    assert_int_equal(rig_rows(rows, 4), 1);
    return rows[0];
}

static void an_answer_has_its_row(void **state)
{
    (void)state;
    ask(HTTP_GET, "/ok", "sk-plain");
    fake_done(true);
    struct record r = the_row();
    assert_int_equal(r.key_id, 1);
    assert_int_equal(r.user_id, 11);
    assert_int_equal(r.status, OUTCOME_OK);
    assert_int_equal(r.http_status, 200);
    assert_int_equal(r.request_bytes, 5);
    assert_int_equal(r.response_bytes, 2);
    assert_int_equal(r.usage_source, USAGE_NONE);
    assert_true(r.created_wall_us > 1600000000000000u);
    assert_string_equal(r.request_id, "req-7");
    assert_string_equal(r.endpoint, "/ok");
    assert_string_equal(r.error_code, "");
}

static void a_models_answer_tells_everything(void **state)
{
    (void)state;
    ask(HTTP_POST, "/work/1", "sk-narrow");
    struct outcome *o = &seen->outcome;
    o->requested_model = SLICE("fast");
    o->served_model = SLICE("slow");
    o->provider = SLICE("gpu-box");
    o->stream = true;
    o->attempts = 3;
    o->fallback_used = true;
    o->first_token_us = 12999;
    o->usage = (struct usage){.input = 1,
                              .cached_read = 2,
                              .cache_write = 4,
                              .output = 8,
                              .reasoning = 16,
                              .source = USAGE_PROVIDER};
    reply_send(seen, 200, SLICE("application/json"), SLICE("{}"));
    fake_done(true);
    struct record r = the_row();
    assert_int_equal(r.key_id, 2);
    assert_string_equal(r.endpoint, "/work/{id}");
    assert_string_equal(r.requested_model, "fast");
    assert_string_equal(r.served_model, "slow");
    assert_string_equal(r.provider, "gpu-box");
    assert_int_equal(r.stream, 1);
    assert_int_equal(r.attempts, 3);
    assert_int_equal(r.fallback_used, 1);
    assert_int_equal(r.first_token_ms, 12);
    assert_int_equal(r.prompt_tokens, 7);
    assert_int_equal(r.completion_tokens, 24);
    assert_int_equal(r.cached_tokens, 2);
    assert_int_equal(r.cache_write_tokens, 4);
    assert_int_equal(r.reasoning_tokens, 16);
    assert_int_equal(r.usage_source, USAGE_PROVIDER);
}

static void an_error_has_its_row(void **state)
{
    (void)state;
    ask(HTTP_GET, "/nowhere", "sk-plain");
    fake_done(true);
    struct record r = the_row();
    assert_int_equal(r.status, OUTCOME_CLIENT_ERROR);
    assert_int_equal(r.http_status, 404);
    assert_string_equal(r.error_code, "unknown_url");
    assert_string_equal(r.endpoint, "/nowhere");
}

/* field notes 14-23 */
static void a_client_that_leaves_has_one_row_with_what_was_counted(void **state)
{
    (void)state;
    ask(HTTP_POST, "/work/1", "sk-plain");
    fake_gone();
    struct record r = the_row();
    assert_int_equal(r.status, OUTCOME_CLIENT_CLOSED);
    assert_int_equal(r.http_status, 499);
    assert_int_equal(r.prompt_tokens, 9);
    assert_int_equal(r.completion_tokens, 4);
    assert_int_equal(r.usage_source, USAGE_PARTIAL);
    assert_string_equal(r.error_code, "client_closed");
}

static void a_client_that_leaves_at_the_very_end_corrects_its_row(void **state)
{
    (void)state;
    ask(HTTP_GET, "/ok", "sk-plain");
    fake_done(false);
    assert_int_equal(journal_backlog(rig.services.journal), 2);
    struct record r = the_row(); /* the same id: one row */
    assert_int_equal(r.status, OUTCOME_CLIENT_CLOSED);
    assert_int_equal(r.http_status, 200);
}

static void who_is_nobody_has_no_row(void **state)
{
    struct record rows[4];

    (void)state;
    ask(HTTP_GET, "/ok", NULL);
    assert_int_equal(fake.status, 401);
    fake_done(true);
    ask(HTTP_GET, "/open", NULL);
    fake_gone();
    fake_request(HTTP_OTHER, NULL, NULL);
    fake_reject(&chain_server_events, &rig.chain, 400, "it is not HTTP");
    fake_done(true);
    assert_int_equal(rig_rows(rows, 4), 0);
}

static void a_draining_gateway_takes_nothing_new(void **state)
{
    (void)state;
    ask(HTTP_POST, "/work/1", "sk-plain"); /* runs already */
    struct exchange *running = seen;
    atomic_store(&rig.draining, true);
    reply_send(running, 200, SLICE("text/plain"), SLICE("done"));
    assert_int_equal(fake.status, 200);
    fake_done(true);
    assert_int_equal(the_row().status, OUTCOME_OK);

    ask(HTTP_GET, "/ok", "sk-plain");
    assert_int_equal(fake.status, 503);
    assert_non_null(strstr(fake.body, "\"draining\""));
    assert_string_equal(fake_answer_field("retry-after"), "1");
    fake_done(true);
    struct record r = the_row();
    assert_int_equal(r.status, OUTCOME_GATEWAY_ERROR);
    assert_string_equal(r.error_code, "draining");
}

static void a_tight_journal_keeps_its_room_for_what_runs(void **state)
{
    struct record r = {.key_id = 99};

    (void)state;
    ask(HTTP_POST, "/work/1", "sk-plain"); /* runs already */
    while (!journal_is_tight(rig.services.journal)) {
        r.id = record_id_new(1);
        assert_int_equal(journal_append(rig.services.journal, &r), OK);
    }
    size_t backlog = journal_backlog(rig.services.journal);
    reply_send(seen, 200, SLICE("text/plain"), SLICE("done"));
    fake_done(true);
    assert_int_equal(journal_backlog(rig.services.journal), backlog + 1);

    ask(HTTP_POST, "/work/1", "sk-plain");
    assert_int_equal(fake.status, 503);
    assert_non_null(strstr(fake.body, "\"ledger_full\""));
    assert_string_equal(fake_answer_field("retry-after"), "5");
    fake_done(true);
    assert_int_equal(journal_backlog(rig.services.journal), backlog + 1); /* refused: no row */

    ask(HTTP_GET, "/admin", "sk-admin"); /* who looks at what is wrong */
    reply_send(seen, 200, SLICE("text/plain"), SLICE("done"));
    assert_int_equal(fake.status, 200);
    fake_done(true);
    assert_int_equal(journal_backlog(rig.services.journal), backlog + 2);
}

static void a_record_that_found_no_room_is_tried_again(void **state)
{
    struct record r = {.key_id = 99}, rows[64];

    (void)state;
    ask(HTTP_POST, "/work/1", "sk-plain");
    do
        r.id = record_id_new(1);
    while (journal_append(rig.services.journal, &r) == OK);
    reply_send(seen, 200, SLICE("text/plain"), SLICE("done"));
    size_t n;
    while ((n = journal_read(rig.services.journal, 0, rows, 64)))
        journal_advance(rig.services.journal, n);
    fake_done(true);
    assert_int_equal(the_row().key_id, 1);
}

static void records_may_be_dropped_instead(void **state)
{
    struct record r = {.key_id = 99};

    (void)state;
    rig.services.drop_records = true;
    do
        r.id = record_id_new(1);
    while (journal_append(rig.services.journal, &r) == OK);
    for (uint64_t i = 1; i <= 2; i++) {
        ask(HTTP_POST, "/work/1", "sk-plain");
        reply_send(seen, 200, SLICE("text/plain"), SLICE("done"));
        assert_int_equal(fake.status, 200);
        fake_done(true);
        assert_int_equal(journal_lost(rig.services.journal), i);
    }
    rig.services.drop_records = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_answer_has_its_row, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(a_models_answer_tells_everything, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(an_error_has_its_row, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(a_client_that_leaves_has_one_row_with_what_was_counted,
                                        rig_up, rig_down),
        cmocka_unit_test_setup_teardown(a_client_that_leaves_at_the_very_end_corrects_its_row,
                                        rig_up, rig_down),
        cmocka_unit_test_setup_teardown(who_is_nobody_has_no_row, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(a_draining_gateway_takes_nothing_new, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(a_tight_journal_keeps_its_room_for_what_runs, rig_up,
                                        rig_down),
        cmocka_unit_test_setup_teardown(a_record_that_found_no_room_is_tried_again, rig_up,
                                        rig_down),
        cmocka_unit_test_setup_teardown(records_may_be_dropped_instead, rig_up, rig_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
