/* What a key may use, what its answers tell about it, and that it gets back what it did not use. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "support/alloc_fail.h"
#include "support/played_gateway.h"
#include "middleware/auth.h"
#include "middleware/rate_limit.h"
#include "web/exchange.h"
#include "web/problem.h"
#include "web/reply.h"

static struct exchange *seen;

static void work_handle(struct exchange *x)
{
    seen = x;
}

static const struct middleware *const gates[] = {&middleware_auth, &middleware_rate_limit, NULL};
static const struct route chat = {HTTP_POST, SLICE_INIT("/chat"), .has_call = true,
                                  .handle = work_handle};
static const struct route embeddings = {HTTP_POST, SLICE_INIT("/embeddings"), .has_call = true,
                                        .kind = CALL_EMBEDDINGS, .handle = work_handle};
static const struct route count = {HTTP_POST,
                                   SLICE_INIT("/count"),
                                   .has_call = true,
                                   .kind = CALL_COUNT_TOKENS,
                                   .dialect = DIALECT_MESSAGES,
                                   .handle = work_handle};
static const struct route list = {HTTP_GET, SLICE_INIT("/list"), .handle = work_handle};
static const struct route open_route = {HTTP_GET, SLICE_INIT("/open"), .open = true,
                                        .handle = work_handle};
static const struct route *const routes[] = {&chat, &embeddings, &count, &list, &open_route, NULL};

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

static void ask(const char *key, const char *body)
{
    seen = NULL;
    fake_request(body ? HTTP_POST : HTTP_GET, body ? "POST" : "GET", body ? "/chat" : "/list");
    fake_field("x-api-key", key);
    if (body)
        fake_body(body);
    rig_serve();
}

static void ask_at(const char *path, const char *body)
{
    seen = NULL;
    fake_request(HTTP_POST, "POST", path);
    fake_field("x-api-key", "sk-narrow");
    fake_body(body);
    rig_serve();
}

static void answer(uint64_t tokens)
{
    assert_non_null(seen);
    seen->outcome.attempts = 1;
    if (tokens)
        seen->outcome.usage = (struct usage){.output = tokens, .source = USAGE_PROVIDER};
    reply_send(seen, 200, SLICE("text/plain"), SLICE("ok"));
    fake_done(true);
}

/* 40 bytes of messages: an estimate of 10 tokens */
#define CALL "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"0123456789\"}]"
static const char call[] = CALL "}";
static const char call_of_100[] = CALL ",\"max_tokens\":100}";
static const char call_of_many[] = CALL ",\"max_tokens\":1000000}";

static uint64_t remaining_tokens(void)
{
    const char *text = fake_answer_field("x-ratelimit-remaining-tokens");

    assert_non_null(text);
    return strtoull(text, NULL, 10);
}

static void answers_tell_the_limits(void **state)
{
    (void)state;
    ask("sk-narrow", call_of_100);
    uint64_t reserved = seen->call->prompt_estimate + 100;
    answer(50);
    assert_int_equal(fake.status, 200);
    assert_string_equal(fake_answer_field("x-ratelimit-limit-requests"), "2");
    assert_string_equal(fake_answer_field("x-ratelimit-remaining-requests"), "1");
    assert_non_null(fake_answer_field("x-ratelimit-reset-requests"));
    assert_string_equal(fake_answer_field("x-ratelimit-limit-tokens"), "10000");
    assert_int_equal(remaining_tokens(), 10000 - reserved);
    const char *reset = fake_answer_field("x-ratelimit-reset-tokens");
    assert_non_null(reset);
    assert_int_equal(reset[strlen(reset) - 1], 's'); /* "250ms", "1.2s", "1m0s" */
}

static void streams_tell_them_too(void **state)
{
    (void)state;
    ask("sk-narrow", call);
    struct sink *s = reply_sink(seen);
    s->events->on_head(s, &(struct sink_head){.status = 200, .stream = true});
    assert_string_equal(fake_answer_field("x-ratelimit-remaining-requests"), "1");
    fake_gone();
}

static void a_key_without_limits_hears_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        ask("sk-plain", call);
        answer(100000);
        assert_int_equal(fake.status, 200);
        assert_null(strstr(fake.fields, "x-ratelimit"));
    }
}

static void requests_run_out(void **state)
{
    (void)state;
    ask("sk-narrow", call);
    answer(1);
    ask("sk-narrow", NULL); /* every route counts */
    answer(0);
    assert_string_equal(fake_answer_field("x-ratelimit-remaining-requests"), "0");
    ask("sk-narrow", call);
    assert_null(seen);
    assert_int_equal(fake.status, 429);
    assert_non_null(strstr(fake.body, "\"type\":\"requests\""));
    assert_non_null(strstr(fake.body, "\"code\":\"rate_limit_exceeded\""));
    assert_non_null(strstr(fake.body, "limit 2. Please try again in "));
    assert_non_null(fake_answer_field("retry-after"));
    assert_true(strtoull(fake_answer_field("retry-after-ms"), NULL, 10) <= 60000);
    assert_string_equal(fake_answer_field("x-ratelimit-limit-requests"), "2");
    assert_string_equal(fake_answer_field("x-ratelimit-remaining-requests"), "0");
    fake_done(true);
}

static void tokens_run_out(void **state)
{
    (void)state;
    ask("sk-narrow", call);
    answer(9990);
    ask("sk-narrow", call);
    assert_int_equal(fake.status, 429);
    assert_non_null(strstr(fake.body, "\"type\":\"tokens\""));
    fake_done(true);
}

static void one_at_a_time_means_one(void **state)
{
    (void)state;
    ask("sk-narrow", call);
    struct exchange *first = seen;
    struct server_request held = fake.r; /* the played server knows one at a time */
    ask("sk-narrow", call);
    assert_int_equal(fake.status, 429);
    assert_non_null(strstr(fake.body, "\"type\":\"concurrent_requests\""));
    fake_done(true);

    memset(&fake, 0, sizeof(fake));
    fake.r = held;
    fake.events = &chain_server_events;
    fake.owner = &rig.chain;
    first->request = &fake.r;
    first->arena = &fake.r.arena;
    seen = first;
    answer(1);
    ask("sk-narrow", call); /* the place is free; the refusal took no request of the minute */
    assert_non_null(seen);
    answer(1);
}

static void the_true_figure_replaces_the_reservation(void **state)
{
    (void)state;
    ask("sk-narrow", call);
    answer(3);
    ask("sk-narrow", call_of_100);
    uint64_t reserved = seen->call->prompt_estimate + 100;
    answer(3);
    assert_int_equal(remaining_tokens(), 10000 - 3 - reserved);
}

static void a_reservation_is_capped(void **state)
{
    (void)state;
    ask("sk-narrow", call_of_many);
    uint64_t reserved = seen->call->prompt_estimate + RESERVE_MOST;
    answer(1);
    assert_int_equal(remaining_tokens(), 10000 - reserved);
    ask("sk-narrow", call);
    reserved = seen->call->prompt_estimate + RESERVE_DEFAULT;
    answer(1);
    assert_int_equal(remaining_tokens(), 10000 - 1 - reserved);
}

/* What no model writes is not reserved. */
static void vectors_and_counts_reserve_no_answer(void **state)
{
    (void)state;
    ask_at("/embeddings", "{\"model\":\"m\",\"input\":\"0123456789\"}");
    uint64_t reserved = seen->call->prompt_estimate;
    answer(1);
    assert_int_equal(remaining_tokens(), 10000 - reserved);
    ask_at("/count", call);
    answer(0);
    assert_int_equal(remaining_tokens(), 10000 - 1 - 1); /* a key without any left is refused */
}

/* What the first request truly cost, seen by the second. */
static uint64_t cost_of_first(void)
{
    ask("sk-narrow", call_of_100);
    uint64_t reserved = seen->call->prompt_estimate + 100;
    answer(1);
    return 10000 - reserved - remaining_tokens();
}

static void what_calls_no_model_needs_no_tokens(void **state)
{
    (void)state;
    ask("sk-narrow", call);
    answer(10000);
    ask("sk-narrow", NULL);
    answer(0);
    assert_int_equal(fake.status, 200);
    assert_null(fake_answer_field("x-ratelimit-limit-tokens"));
}

static void what_never_reached_a_provider_costs_nothing(void **state)
{
    (void)state;
    ask("sk-narrow", call);
    problem_answer(seen, FAULT_MODEL_NOT_FOUND);
    fake_done(true);
    assert_int_equal(cost_of_first(), 0);
}

static void a_provider_that_failed_costs_nothing(void **state)
{
    (void)state;
    ask("sk-narrow", call);
    seen->outcome.attempts = 2;
    problem_answer(seen, FAULT_UPSTREAM_ERROR);
    fake_done(true);
    assert_int_equal(cost_of_first(), 0);
}

/* field notes 20, 22: hanging up early is not free */
static void leaving_early_costs_what_was_used(void **state)
{
    (void)state;
    ask("sk-narrow", call);
    seen->outcome.attempts = 1;
    seen->outcome.usage = (struct usage){.input = 10, .output = 30, .source = USAGE_PARTIAL};
    fake_gone();
    assert_int_equal(cost_of_first(), 40);
}

static void leaving_with_nothing_known_costs_the_reservation(void **state)
{
    (void)state;
    ask("sk-narrow", call_of_100);
    uint64_t reserved = seen->call->prompt_estimate + 100;
    seen->outcome.attempts = 1;
    fake_gone();
    assert_int_equal(cost_of_first(), reserved);
}

static void a_bad_body_is_told_and_costs_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        ask("sk-narrow", "{\"model\":");
        assert_int_equal(fake.status, 400);
        assert_non_null(strstr(fake.body, "\"invalid_json\""));
        fake_done(true);
    }
    ask("sk-narrow", call);
    answer(1);
    assert_string_equal(fake_answer_field("x-ratelimit-remaining-requests"), "1");
}

static void nobody_has_no_limits(void **state)
{
    (void)state;
    fake_request(HTTP_GET, "GET", "/open");
    rig_serve();
    reply_send(seen, 200, SLICE("text/plain"), SLICE("ok"));
    assert_null(strstr(fake.fields, "x-ratelimit"));
    fake_done(true);
}

static void memory_may_end_anywhere(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        seen = NULL;
        fake_request(HTTP_POST, "POST", "/chat");
        fake_field("x-api-key", "sk-narrow");
        fake_body(call);
        alloc_fail_at(n);
        rig_serve();
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        assert_true(seen || fake.status >= 500 || fake.status == 429);
        if (seen)
            reply_send(seen, 200, SLICE("text/plain"), SLICE("ok"));
        assert_true(fake.ended);
        fake_done(true);
        if (!hit)
            break;
    }
}

int main(void)
{
#define RIGGED(test) cmocka_unit_test_setup_teardown(test, rig_up, rig_down)
    const struct CMUnitTest tests[] = {
        RIGGED(answers_tell_the_limits),
        RIGGED(streams_tell_them_too),
        RIGGED(a_key_without_limits_hears_nothing),
        RIGGED(requests_run_out),
        RIGGED(tokens_run_out),
        RIGGED(one_at_a_time_means_one),
        RIGGED(the_true_figure_replaces_the_reservation),
        RIGGED(a_reservation_is_capped),
        RIGGED(vectors_and_counts_reserve_no_answer),
        RIGGED(what_calls_no_model_needs_no_tokens),
        RIGGED(what_never_reached_a_provider_costs_nothing),
        RIGGED(a_provider_that_failed_costs_nothing),
        RIGGED(leaving_early_costs_what_was_used),
        RIGGED(leaving_with_nothing_known_costs_the_reservation),
        RIGGED(a_bad_body_is_told_and_costs_nothing),
        RIGGED(nobody_has_no_limits),
        RIGGED(memory_may_end_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
