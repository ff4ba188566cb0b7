/* What a worker counts, and what is told of it. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "service/meter.h"

#include <stdio.h>

static struct outcome good_stream(void)
{
    return (struct outcome){
        .status = OUTCOME_OK,
        .http_status = 200,
        .served_model = SLICE("big"),
        .provider = SLICE("box"),
        .stream = true,
        .attempts = 2,
        .fallback_used = true,
        .usage = {1, 2, 4, 8, 16, USAGE_PROVIDER},
        .first_token_us = 100000,
    };
}

static struct meter_request request_of(const struct outcome *o)
{
    return (struct meter_request){
        .endpoint = SLICE("/v1/messages"),
        .is_call = true,
        .kind = CALL_MESSAGES,
        .model = SLICE("small"),
        .outcome = o,
        .took_us = 100000 + 23 * 50000,
        .bytes_in = 10,
        .bytes_out = 20,
    };
}

/* What these meters tell, terminated; to be freed with the buffer. */
static void tell(struct meter *const *meters, size_t n, struct buf *ret)
{
    struct exposition *e = test_malloc(sizeof(*e));

    exposition_init(e);
    for (size_t i = 0; i < n; i++)
        meter_tell(meters[i], e);
    buf_init(ret, 1 << 20);
    exposition_write(e, ret);
    assert_int_equal(e->rc, OK);
    assert_int_equal(buf_add_char(ret, 0), OK);
    exposition_free(e);
    test_free(e);
}

static void assert_line(const struct buf *text, const char *line)
{
    if (!strstr(text->at, line))
        fail_msg("no %s in\n%s", line, text->at);
}

#define CALL                                                                                       \
    "gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"box\",gen_ai_request_model=\"small\","  \
    "gen_ai_response_model=\"big\""

static void a_streams_figures(void **state)
{
    struct meter *m = meter_new();
    struct outcome o = good_stream();
    struct meter_request r = request_of(&o);
    struct buf text;

    (void)state;
    meter_begin(m);
    meter_begin(m);
    meter_end(m, &r);
    tell(&m, 1, &text);
    assert_line(&text, "courier_requests_total{endpoint=\"/v1/messages\",outcome=\"ok\","
                       "status_class=\"2xx\"} 1\n");
    assert_line(&text, "courier_requests_in_flight 1\n");
    assert_line(&text, "gen_ai_server_request_duration_seconds_sum{" CALL "} 1.25\n");
    assert_line(&text, "gen_ai_server_time_to_first_token_seconds_sum{" CALL "} 0.1\n");
    assert_line(&text, "gen_ai_server_time_per_output_token_seconds_sum{" CALL "} 0.05\n");
    assert_line(&text,
                "gen_ai_server_time_per_output_token_seconds_bucket{" CALL ",le=\"0.05\"} 1\n");
    assert_line(&text, "gen_ai_client_token_usage_sum{" CALL ",gen_ai_token_type=\"input\"} 7\n");
    assert_line(&text, "gen_ai_client_token_usage_sum{" CALL ",gen_ai_token_type=\"output\"} 24\n");
    assert_line(&text, "courier_tokens_total{" CALL ",token_type=\"reasoning\"} 16\n");
    assert_line(&text, "courier_fallbacks_total{gen_ai_request_model=\"small\","
                       "gen_ai_response_model=\"big\"} 1\n");
    assert_line(&text, "courier_request_bytes_total{endpoint=\"/v1/messages\"} 10\n");
    buf_free(&text);
    meter_free(m);
}

static void an_error_has_its_kind(void **state)
{
    struct meter *m = meter_new();
    struct outcome o = {.status = OUTCOME_CLIENT_ERROR,
                        .http_status = 404,
                        .fault = FAULT_MODEL_NOT_FOUND,
                        .requested_model = SLICE("a client's invention")};
    struct meter_request r = request_of(&o);
    struct buf text;

    (void)state;
    r.model = SLICE("");
    meter_end(m, &r);
    tell(&m, 1, &text);
    assert_line(&text, "courier_errors_total{endpoint=\"/v1/messages\",error_type="
                       "\"model_not_found\"} 1\n");
    assert_line(&text,
                "gen_ai_server_request_duration_seconds_count{gen_ai_operation_name=\"chat\","
                "gen_ai_provider_name=\"none\",gen_ai_request_model=\"other\",error_type="
                "\"model_not_found\"} 1\n");
    assert_null(strstr(text.at, "invention"));
    assert_null(strstr(text.at, "token_usage"));
    buf_free(&text);
    meter_free(m);
}

static void workers_are_added_up(void **state)
{
    struct meter *meters[3] = {meter_new(), meter_new(), meter_new()};
    struct outcome o = good_stream();
    struct meter_request r = request_of(&o);
    struct buf text;

    (void)state;
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k <= i; k++)
            meter_end(meters[i], &r);
    meter_count(meters[0], METER_LIMITER_TAKEN, 2);
    meter_count(meters[2], METER_LIMITER_TAKEN, 1);
    tell(meters, 3, &text);
    assert_line(&text, "courier_requests_total{endpoint=\"/v1/messages\",outcome=\"ok\","
                       "status_class=\"2xx\"} 6\n");
    assert_line(&text, "gen_ai_server_request_duration_seconds_sum{" CALL "} 7.5\n");
    assert_line(&text, "courier_limiter_decisions_total{decision=\"taken\"} 3\n");
    assert_line(&text, "courier_requests_in_flight 0\n");
    buf_free(&text);
    for (size_t i = 0; i < 3; i++)
        meter_free(meters[i]);
}

static void attempts_have_their_results(void **state)
{
    struct meter *m = meter_new();
    struct router_observer *o = meter_observer(m);
    const struct target target = {.model = SLICE("big"), .provider = SLICE("box")};
    struct attempt_report report = {
        .target = &target, .kind = CALL_CHAT, .tries = 1, .took_ms = 15};
    struct buf text;

    (void)state;
    o->on_attempt(o, &report);
    report.fault = FAULT_UPSTREAM_TIMEOUT;
    o->on_attempt(o, &report);
    report.tries = 2;
    o->on_attempt(o, &report);
    tell(&m, 1, &text);
#define AT "gen_ai_provider_name=\"box\",gen_ai_request_model=\"big\""
    assert_line(&text, "courier_upstream_attempts_total{" AT ",result=\"ok\"} 1\n");
    assert_line(&text, "courier_upstream_attempts_total{" AT ",result=\"upstream_timeout\"} 2\n");
    assert_line(&text, "courier_upstream_retries_total{" AT "} 1\n");
    assert_line(&text, "gen_ai_client_operation_duration_seconds_sum{gen_ai_operation_name="
                       "\"chat\"," AT ",error_type=\"upstream_timeout\"} 0.03\n");
    buf_free(&text);
    meter_free(m);
}

/* Gates are also used where nothing is counted. */
static void no_meter_counts_nothing(void **state)
{
    struct outcome o = good_stream();
    struct meter_request r = request_of(&o);

    (void)state;
    meter_begin(NULL);
    meter_end(NULL, &r);
    meter_count(NULL, METER_LIMITER_TAKEN, 1);
    meter_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_streams_figures),       cmocka_unit_test(an_error_has_its_kind),
        cmocka_unit_test(workers_are_added_up),    cmocka_unit_test(attempts_have_their_results),
        cmocka_unit_test(no_meter_counts_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
