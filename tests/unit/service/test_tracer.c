/* Spans on their way out: the ring, what is told of by chance, and the JSON. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "service/otlp_writer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static const struct slice parent =
    SLICE_INIT("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");

static bool put(struct tracer *t, unsigned attempts)
{
    struct trace_span *s = tracer_span(t, parent, 5);

    if (!s)
        return false;
    s->attempts = attempts;
    tracer_put(t);
    return true;
}

static void what_goes_in_comes_out_in_order(void **state)
{
    struct tracer *t = tracer_new(TRACER_WHOLE);
    struct trace_span *got = calloc(TRACER_SPANS, sizeof(*got));
    unsigned in = 0, out = 0;

    (void)state;
    assert_int_equal(tracer_take(t, got, 5), 0);
    for (unsigned round = 0; round < 50; round++) {
        for (unsigned i = 0; i < 300; i++)
            assert_true(put(t, in++));
        size_t n = tracer_take(t, got, round % 2 ? 500 : 100);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(got[i].attempts, out++);
    }
    assert_int_equal(tracer_dropped(t), 0);
    free(got);
    tracer_free(t);
}

static void a_full_ring_drops_and_counts(void **state)
{
    struct tracer *t = tracer_new(TRACER_WHOLE);
    struct trace_span got;

    (void)state;
    for (unsigned i = 0; i < TRACER_SPANS; i++)
        assert_true(put(t, i));
    assert_false(put(t, 0));
    assert_false(put(t, 0));
    assert_int_equal(tracer_dropped(t), 2);
    assert_int_equal(tracer_take(t, &got, 1), 1);
    assert_int_equal(got.attempts, 0);
    assert_true(put(t, 7));
    assert_false(put(t, 8));
    tracer_free(t);
}

static void *put_many(void *arg)
{
    for (unsigned i = 0; i < 100000;)
        i += put(arg, i);
    return NULL;
}

static void two_threads_agree(void **state)
{
    struct tracer *t = tracer_new(TRACER_WHOLE);
    struct trace_span got[64];
    unsigned out = 0;
    pthread_t writer;

    (void)state;
    assert_int_equal(pthread_create(&writer, NULL, put_many, t), 0);
    while (out < 100000) {
        size_t n = tracer_take(t, got, 64);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(got[i].attempts, out++);
    }
    pthread_join(writer, NULL);
    tracer_free(t);
}

/* The same traces everywhere, and of each share those of a smaller one. */
static void the_share_is_kept(void **state)
{
    static const uint64_t shares[] = {0, 1000, 100000, 500000, TRACER_WHOLE};
    size_t before = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(shares); i++) {
        struct tracer *t = tracer_new(shares[i]);
        size_t n = 0;
        for (unsigned k = 0; k < 100000; k++) {
            char id[TRACE_ID_TEXT];
            ids_random_hex(id, sizeof(id));
            n += tracer_samples(t, id);
        }
        assert_true(n >= before);
        if (shares[i] == 0 || shares[i] == TRACER_WHOLE)
            assert_int_equal(n, shares[i] / 10);
        else
            assert_in_range(n, shares[i] / 10 * 7 / 10, shares[i] / 10 * 13 / 10);
        before = n;
        tracer_free(t);
    }
}

static void an_attempt_is_a_span_where_it_is_traced(void **state)
{
    struct tracer *t = tracer_new(TRACER_WHOLE);
    struct router_observer *o = tracer_observer(t);
    const struct target target = {
        .model = SLICE("m"), .provider = SLICE("p"), .upstream_model = SLICE("u")};
    const struct usage usage = {.input = 3, .source = USAGE_PROVIDER};
    struct attempt_report report = {.target = &target, .usage = &usage, .status = 200};
    struct trace_span got;

    (void)state;
    o->on_attempt(o, &report);
    assert_int_equal(tracer_take(t, &got, 1), 0);
    report.traceparent = parent;
    report.span = SLICE("aaaaaaaaaaaaaaaa");
    o->on_attempt(o, &report);
    assert_int_equal(tracer_take(t, &got, 1), 1);
    assert_int_equal(got.kind, SPAN_CLIENT);
    assert_memory_equal(got.id, "aaaaaaaaaaaaaaaa", 16);
    assert_memory_equal(got.parent, "00f067aa0ba902b7", 16);
    assert_string_equal(got.asked_model, "u");
    assert_int_equal(got.usage.input, 3);
    tracer_free(t);
}

static void text_is_escaped(void **state)
{
    const struct otlp_resource resource = {.service_name = SLICE("a\"b"),
                                           .service_version = SLICE("1")};
    struct trace_span s = {.kind = SPAN_SERVER,
                           .is_call = true,
                           .method = "P\"T",
                           .asked_model = "x\\\n\xff",
                           .http_status = 200};
    struct buf text;

    (void)state;
    memset(s.trace, 'a', sizeof(s.trace));
    memset(s.id, 'b', sizeof(s.id));
    buf_init(&text, 1 << 20);
    otlp_write(&text, &resource, &s, 1);
    assert_int_equal(buf_add_char(&text, 0), OK);
    assert_non_null(strstr(text.at, "\"service.name\",\"value\":{\"stringValue\":\"a\\\"b\"}"));
    assert_non_null(strstr(text.at, "\"stringValue\":\"x\\\\\\n\xef\xbf\xbd\""));
    assert_non_null(strstr(text.at, "\"name\":\"P\\\"T\""));
    assert_null(strstr(text.at, "parentSpanId"));
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out_in_order),
        cmocka_unit_test(a_full_ring_drops_and_counts),
        cmocka_unit_test(two_threads_agree),
        cmocka_unit_test(the_share_is_kept),
        cmocka_unit_test(an_attempt_is_a_span_where_it_is_traced),
        cmocka_unit_test(text_is_escaped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
