/* What a client gets, and when: heads, streams, faults before and after the first byte. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "support/alloc_fail.h"
#include "support/fake_server.h"
#include "web/chain.h"
#include "web/exchange.h"
#include "web/problem.h"
#include "web/reply.h"

static struct exchange *seen;
static unsigned settles;
static uint64_t settled_bytes;
static struct outcome ended;

static enum mw watch_request(struct exchange *x)
{
    seen = x;
    exchange_header(x, SLICE("x-request-id"), SLICE("req-1"));
    return MW_NEXT;
}

static void watch_settle(struct exchange *x)
{
    assert_false(fake.ended);
    settles++;
    settled_bytes = x->reply.body_bytes;
}

static void watch_end(struct exchange *x)
{
    ended = x->outcome;
}

static const struct middleware watch = {
    .name = "watch",
    .on_request = watch_request,
    .on_settle = watch_settle,
    .on_end = watch_end,
};
static const struct middleware *const gates[] = {&watch, NULL};

static void work_handle(struct exchange *x)
{
    (void)x;
}

static const struct route work = {HTTP_POST, SLICE_INIT("/work"), .handle = work_handle};
static const struct route *const routes[] = {&work, NULL};
static struct chain chain = {.middlewares = gates, .routes = routes};

/* A request whose answer is to come through the sink. */
static struct sink *begin(void)
{
    settles = 0;
    fake_request(HTTP_POST, "POST", "/work");
    fake_serve(&chain_server_events, &chain);
    return reply_sink(seen);
}

static int say_head(struct sink *s, bool stream, uint64_t length, const char *type)
{
    const struct sink_head told = {
        .status = 200,
        .stream = stream,
        .spent = stream,
        .content_length = length,
        .content_type = slice_str(type),
    };
    return s->events->on_head(s, &told);
}

static int say(struct sink *s, const char *text, bool last)
{
    struct slice spans[2] = {slice_of(text, strlen(text) / 2)};

    spans[1] = slice_str(text + spans[0].len);
    return s->events->on_bytes(s, spans, 2, last);
}

static void say_fault(struct sink *s, enum fault_kind kind)
{
    s->events->on_fault(s, &(struct fault){.kind = kind});
}

static void a_buffered_answer_goes_out_whole(void **state)
{
    (void)state;
    struct sink *s = begin();
    seen->outcome.served_model = SLICE("fast");
    seen->outcome.provider = SLICE("gpu-box");
    seen->outcome.attempts_text = SLICE("slow:503,fast:200");
    assert_int_equal(say_head(s, false, 11, "application/json; x=y"), OK);
    assert_int_equal(settles, 0);
    assert_int_equal(say(s, "{\"a\": 1.0 }", true), OK);
    assert_int_equal(settles, 1);
    assert_int_equal(settled_bytes, 11); /* the row tells them though they are just leaving */
    assert_int_equal(fake.length, 11);
    assert_int_equal(fake.writes, 0); /* head, body and end in one go */
    assert_string_equal(fake.body, "{\"a\": 1.0 }");
    assert_string_equal(fake_answer_field("content-type"), "application/json; x=y");
    assert_string_equal(fake_answer_field("x-request-id"), "req-1");
    assert_string_equal(fake_answer_field("x-courier-model"), "fast");
    assert_string_equal(fake_answer_field("x-courier-provider"), "gpu-box");
    assert_string_equal(fake_answer_field("x-courier-attempts"), "slow:503,fast:200");
    assert_null(fake_answer_field("cache-control"));
    fake_done(true);
    assert_int_equal(ended.status, OUTCOME_OK);
    assert_int_equal(ended.http_status, 200);
    assert_int_equal(settles, 1);
}

static void a_stream_has_the_heads_that_proxies_need(void **state)
{
    (void)state;
    struct sink *s = begin();
    assert_int_equal(say_head(s, true, 0, "text/event-stream"), OK);
    assert_int_equal(fake.length, SERVER_CHUNKED);
    assert_string_equal(fake_answer_field("content-type"), "text/event-stream; charset=utf-8");
    assert_string_equal(fake_answer_field("cache-control"), "no-cache");
    assert_string_equal(fake_answer_field("x-accel-buffering"), "no");
    assert_null(fake_answer_field("x-courier-model")); /* nothing to tell */
    assert_false(fake.forgotten);
    assert_int_equal(say(s, "data: 1\n\n", false), OK);
    assert_true(fake.forgotten); /* the head is out */
    assert_int_equal(say(s, "data: 2\n\n", false), OK);
    assert_int_equal(fake.writes, 2);
    assert_int_equal(settles, 0);
    assert_int_equal(say(s, "data: [DONE]\n\n", true), OK);
    assert_int_equal(settles, 1);
    assert_int_equal(settled_bytes, 32);
    assert_string_equal(fake.body, "data: 1\n\ndata: 2\n\ndata: [DONE]\n\n");
    assert_true(fake.ended);
    fake_done(true);
}

static void a_slow_client_is_told_to_the_provider(void **state)
{
    (void)state;
    struct sink *s = begin();
    say_head(s, true, 0, "");
    fake.write_rc = AGAIN;
    assert_int_equal(say(s, "data: 1\n\n", false), AGAIN);
    fake_gone();
}

static void a_fault_before_the_head_is_the_answer(void **state)
{
    (void)state;
    struct sink *s = begin();
    seen->outcome.attempts = 2;
    seen->outcome.attempts_text = SLICE("m:timeout,m:timeout");
    say_fault(s, FAULT_UPSTREAM_TIMEOUT);
    assert_int_equal(fake.status, 504);
    assert_true(fake.ended);
    assert_string_equal(fake_answer_field("content-type"), "application/json");
    assert_string_equal(fake_answer_field("x-courier-attempts"), "m:timeout,m:timeout");
    assert_string_equal(fake_answer_field("x-should-retry"), "false");
    assert_int_equal(settles, 1);
    fake_done(true);
    assert_int_equal(ended.status, OUTCOME_UPSTREAM_TIMEOUT);
    assert_int_equal(ended.http_status, 504);
}

static void a_fault_within_a_stream_is_told_in_band_and_never_done(void **state)
{
    static const enum fault_kind kinds[] = {FAULT_UPSTREAM_INTERRUPTED, FAULT_UPSTREAM_TIMEOUT,
                                            FAULT_UPSTREAM_RESET, FAULT_UPSTREAM_OVERLOADED};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct sink *s = begin();
        say_head(s, true, 0, "");
        say(s, "data: 1\n\n", false);
        say_fault(s, kinds[i]);
        assert_true(fake.ended); /* an orderly end: the error event has told it */
        assert_false(fake.aborted);
        assert_non_null(strstr(fake.body, "data: 1\n\ndata: {\"error\":{\"message\":\""));
        assert_non_null(strstr(fake.body, "\"code\":\"upstream_stream_interrupted\"}}\n\n"));
        assert_null(strstr(fake.body, "[DONE]"));
        assert_int_equal(settles, 1);
        assert_int_equal(settled_bytes, fake.body_len);
        fake_done(true);
        assert_int_equal(ended.status, OUTCOME_INTERRUPTED);
        assert_int_equal(ended.fault, kinds[i]); /* the row keeps what truly happened */
        assert_int_equal(ended.http_status, 200);
    }
}

static void nothing_follows_the_end(void **state)
{
    (void)state;
    struct sink *s = begin();
    say_head(s, true, 0, "");
    say(s, "data: [DONE]\n\n", true);
    say_fault(s, FAULT_UPSTREAM_RESET);
    assert_int_equal(say(s, "more", false), -EPIPE);
    assert_int_equal(say_head(s, true, 0, ""), -EPIPE);
    problem_answer(seen, FAULT_INTERNAL);
    assert_string_equal(fake.body, "data: [DONE]\n\n");
    fake_done(true);
    assert_int_equal(settles, 1);
}

static void a_broken_buffered_answer_is_no_answer(void **state)
{
    (void)state;
    struct sink *s = begin();
    say_head(s, false, 10, "application/json");
    say_fault(s, FAULT_UPSTREAM_RESET);
    assert_true(fake.aborted);
    fake_done(false);
    assert_int_equal(ended.status, OUTCOME_INTERRUPTED);
    assert_int_equal(settles, 1);
}

static void a_client_found_gone_is_left_to_the_server(void **state)
{
    (void)state;
    struct sink *s = begin();
    say_head(s, true, 0, "");
    fake.write_rc = -EPIPE;
    assert_int_equal(say(s, "data: 1\n\n", false), -EPIPE);
    assert_false(fake.aborted);
    assert_int_equal(settles, 0);
    fake_gone();
    assert_int_equal(settles, 1);
    assert_int_equal(ended.status, OUTCOME_CLIENT_CLOSED);

    s = begin(); /* found at the very end: settled as good, then corrected */
    say_head(s, true, 0, "");
    fake.end_rc = -EPIPE;
    assert_int_equal(say(s, "data: [DONE]\n\n", true), -EPIPE);
    fake_gone();
    assert_int_equal(settles, 1);
    assert_int_equal(ended.status, OUTCOME_CLIENT_CLOSED);
}

static void without_memory_the_connection_breaks(void **state)
{
    (void)state;
    struct sink *s = begin();
    fake.head_rc = -ENOMEM;
    assert_int_equal(say_head(s, true, 0, ""), -ENOMEM);
    assert_true(fake.aborted);
    fake_done(false);
    assert_int_equal(ended.status, OUTCOME_GATEWAY_ERROR);

    s = begin();
    say_head(s, true, 0, "");
    fake.write_rc = -ENOMEM;
    assert_int_equal(say(s, "data: 1\n\n", false), -ENOMEM);
    assert_true(fake.aborted);
    fake_done(false);
    assert_int_equal(ended.status, OUTCOME_GATEWAY_ERROR);
    assert_int_equal(settles, 1);

    s = begin();
    say_head(s, true, 0, "");
    fake.end_rc = -ENOMEM;
    assert_int_equal(say(s, "data: [DONE]\n\n", true), -ENOMEM);
    assert_true(fake.aborted);
    fake_done(false);
    assert_int_equal(ended.status, OUTCOME_GATEWAY_ERROR);
    assert_int_equal(settles, 1);

    s = begin();
    say_head(s, true, 0, "");
    while (seen->arena->end - seen->arena->next >= 16) /* no room for the in-band error */
        arena_alloc(seen->arena, 16);
    alloc_fail_at(1);
    say_fault(s, FAULT_UPSTREAM_RESET);
    alloc_fail_at(0);
    assert_true(fake.aborted);
    fake_done(false);
    assert_int_equal(ended.status, OUTCOME_INTERRUPTED);
}

static void text_that_would_break_the_head_is_left_out(void **state)
{
    (void)state;
    struct sink *s = begin();
    seen->outcome.served_model = SLICE("evil\r\nset-cookie: a=b");
    seen->outcome.provider = SLICE("fine");
    assert_int_equal(say_head(s, false, 2, "text/html\r\nx: y"), OK);
    assert_null(fake_answer_field("x-courier-model"));
    assert_null(fake_answer_field("content-type"));
    assert_string_equal(fake_answer_field("x-courier-provider"), "fine");
    say(s, "{}", true);
    fake_done(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffered_answer_goes_out_whole),
        cmocka_unit_test(a_stream_has_the_heads_that_proxies_need),
        cmocka_unit_test(a_slow_client_is_told_to_the_provider),
        cmocka_unit_test(a_fault_before_the_head_is_the_answer),
        cmocka_unit_test(a_fault_within_a_stream_is_told_in_band_and_never_done),
        cmocka_unit_test(nothing_follows_the_end),
        cmocka_unit_test(a_broken_buffered_answer_is_no_answer),
        cmocka_unit_test(a_client_found_gone_is_left_to_the_server),
        cmocka_unit_test(without_memory_the_connection_breaks),
        cmocka_unit_test(text_that_would_break_the_head_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
