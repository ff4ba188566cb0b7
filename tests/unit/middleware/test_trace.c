/* The request's id and the trace, in and out. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "support/fake_server.h"
#include "middleware/trace.h"
#include "service/services.h"
#include "service/tracer.h"
#include "web/chain.h"
#include "web/exchange.h"
#include "web/reply.h"

static char parent[64], id[256];

static void ok_handle(struct exchange *x)
{
    snprintf(parent, sizeof(parent), "%.*s", SLICE_FMT(x->traceparent));
    snprintf(id, sizeof(id), "%.*s", SLICE_FMT(x->request_id));
    reply_send(x, 200, SLICE("text/plain"), SLICE("ok"));
}

static const struct middleware *const gates[] = {&middleware_trace, NULL};
static const struct route ok = {HTTP_GET, SLICE_INIT("/"), .handle = ok_handle};
static const struct route *const routes[] = {&ok, NULL};
static struct services services;
static struct chain chain = {.middlewares = gates, .routes = routes, .services = &services};

static void serve(const char *request_id, const char *traceparent)
{
    fake_request(HTTP_GET, "GET", "/");
    if (request_id)
        fake_field("X-Request-Id", request_id);
    if (traceparent)
        fake_field("Traceparent", traceparent);
    fake_serve(&chain_server_events, &chain);
    assert_string_equal(fake_answer_field("x-request-id"), id);
    fake_done(true);
}

static bool is_hex_text(const char *at, size_t n)
{
    return strspn(at, "0123456789abcdef") >= n;
}

static void assert_parent_is_sound(void)
{
    assert_int_equal(strlen(parent), 55);
    assert_memory_equal(parent, "00-", 3);
    assert_true(is_hex_text(parent + 3, 32) && parent[35] == '-');
    assert_true(is_hex_text(parent + 36, 16) && parent[52] == '-');
    assert_true(is_hex_text(parent + 53, 2));
}

static const char trace_id[] = "4bf92f3577b34da6a3ce929d0e0e4736";
static const char given[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

static void without_ids_fresh_ones_are_made(void **state)
{
    char first[64];

    (void)state;
    serve(NULL, NULL);
    assert_parent_is_sound();
    assert_int_equal(strlen(id), 32);
    assert_memory_equal(id, parent + 3, 32); /* the request's id is the trace's */
    assert_string_equal(parent + 53, "00");
    memcpy(first, parent, sizeof(first));
    serve(NULL, NULL);
    assert_string_not_equal(first, parent);
}

static void a_trace_is_continued(void **state)
{
    (void)state;
    serve(NULL, given);
    assert_parent_is_sound();
    assert_memory_equal(parent + 3, trace_id, 32);
    assert_memory_not_equal(parent + 36, given + 36, 16); /* a span of our own */
    assert_string_equal(parent + 53, "01");
    assert_string_equal(id, trace_id);

    serve(NULL, "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-later");
    assert_parent_is_sound(); /* a later version: what we know of it is kept */
    assert_memory_equal(parent + 3, trace_id, 32);
    assert_string_equal(parent + 53, "03");
}

static void a_bad_trace_is_not(void **state)
{
    static const char *const bad[] = {
        "",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
        "0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    };
    char cut[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        serve(NULL, bad[i]);
        assert_parent_is_sound();
        assert_memory_not_equal(parent + 3, trace_id, 32);
    }
    for (size_t n = 0; n < strlen(given); n++) { /* cut at every byte */
        snprintf(cut, sizeof(cut), "%.*s", (int)n, given);
        serve(NULL, cut);
        assert_memory_not_equal(parent + 3, trace_id, 32);
    }
}

static void a_sane_request_id_is_kept(void **state)
{
    char most[130];

    (void)state;
    serve("req_42/a=\"b\"~", given);
    assert_string_equal(id, "req_42/a=\"b\"~");
    assert_memory_equal(parent + 3, trace_id, 32);
    memset(most, 'x', 128);
    most[128] = '\0';
    serve(most, NULL);
    assert_string_equal(id, most);
}

static void another_is_replaced(void **state)
{
    static const char *const bad[] = {"",         "two words",  "tab\there",
                                      "\xc3\xa4", "esc\x1b[0m", "\x7f"};
    char much[130];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        serve(bad[i], given);
        assert_string_equal(id, trace_id);
    }
    memset(much, 'x', 129);
    much[129] = '\0';
    serve(much, given);
    assert_string_equal(id, trace_id);
}

static void refused_bytes_have_an_id_too(void **state)
{
    (void)state;
    fake_request(HTTP_OTHER, NULL, NULL);
    fake_reject(&chain_server_events, &chain, 400, "it is not HTTP");
    assert_int_equal(strlen(fake_answer_field("x-request-id")), 32);
    fake_done(true);
}

/* --- spans --- */

/* Serves with a tracer that tells of so much; returns how many spans came of it. */
static size_t serve_traced(uint64_t sample, const char *traceparent, struct trace_span *ret)
{
    struct tracer *tracer = services.tracer = tracer_new(sample);

    serve("req-7", traceparent);
    size_t n = tracer_take(tracer, ret, 1);
    services.tracer = NULL;
    tracer_free(tracer);
    return n;
}

static void a_request_is_a_span(void **state)
{
    struct trace_span span;

    (void)state;
    assert_int_equal(serve_traced(TRACER_WHOLE, given, &span), 1);
    assert_int_equal(span.kind, SPAN_SERVER);
    assert_memory_equal(span.trace, trace_id, 32);
    assert_memory_equal(span.id, parent + 36, 16);
    assert_true(span.has_parent);
    assert_memory_equal(span.parent, given + 36, 16);
    assert_string_equal(span.method, "GET");
    assert_string_equal(span.request_id, "req-7");
    assert_int_equal(span.http_status, 200);
    assert_false(span.is_call);
}

static void the_flag_of_a_trace_decides_or_chance_where_it_begins(void **state)
{
    static const char unrecorded[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02";
    struct trace_span span;

    (void)state;
    assert_int_equal(serve_traced(TRACER_WHOLE, NULL, &span), 1);
    assert_false(span.has_parent);
    assert_string_equal(parent + 53, "01");
    assert_int_equal(serve_traced(0, NULL, &span), 0);
    assert_string_equal(parent + 53, "00");
    assert_int_equal(serve_traced(0, given, &span), 1);
    assert_string_equal(parent + 53, "01");
    assert_int_equal(serve_traced(TRACER_WHOLE, unrecorded, &span), 0);
    assert_string_equal(parent + 53, "02");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_ids_fresh_ones_are_made),
        cmocka_unit_test(a_trace_is_continued),
        cmocka_unit_test(a_bad_trace_is_not),
        cmocka_unit_test(a_sane_request_id_is_kept),
        cmocka_unit_test(another_is_replaced),
        cmocka_unit_test(refused_bytes_have_an_id_too),
        cmocka_unit_test(a_request_is_a_span),
        cmocka_unit_test(the_flag_of_a_trace_decides_or_chance_where_it_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
