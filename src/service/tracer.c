/* tracer.c: see tracer.h. */

#include "service/tracer.h"

#include "base/clock.h"
#include "model/record.h"

#include <stdlib.h>

struct tracer {
    struct router_observer observer;
    uint64_t threshold; /* of 36 bits of a trace id: those from it on are told of */
    /* counts since the start: put - taken is what is in the ring */
    _Atomic uint64_t put, taken, dropped;
    struct trace_span spans[TRACER_SPANS];
};

enum { THRESHOLD_BITS = 36, HEX_DIGITS = THRESHOLD_BITS / 4 };

static void tracer_on_attempt(struct router_observer *o, const struct attempt_report *report);

struct tracer *tracer_new(uint64_t sample)
{
    struct tracer *t = calloc(1, sizeof(*t));

    if (!t)
        return NULL;
    t->observer.on_attempt = tracer_on_attempt;
    t->threshold = ((TRACER_WHOLE - sample) << THRESHOLD_BITS) / TRACER_WHOLE;
    return t;
}

void tracer_free(struct tracer *t)
{
    free(t);
}

static unsigned hex_value(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* By the last 56 bits of the trace id, which are random (W3C Trace Context level 2,
 * section 3.2.2.3); the upper ones of them decide. */
bool tracer_samples(const struct tracer *t, const char trace_id[TRACE_ID_TEXT])
{
    enum { RANDOM_AT = TRACE_ID_TEXT - 14 };
    uint64_t random = 0;

    for (size_t i = 0; i < HEX_DIGITS; i++)
        random = random << 4 | hex_value(trace_id[RANDOM_AT + i]);
    return random >= t->threshold;
}

struct trace_span *tracer_span(struct tracer *t, struct slice traceparent, uint64_t took_us)
{
    uint64_t put = atomic_load_explicit(&t->put, memory_order_relaxed);
    struct trace_span *s = &t->spans[put % TRACER_SPANS];

    if (put - atomic_load_explicit(&t->taken, memory_order_acquire) == TRACER_SPANS) {
        atomic_fetch_add_explicit(&t->dropped, 1, memory_order_relaxed);
        return NULL;
    }
    memset(s, 0, sizeof(*s));
    memcpy(s->trace, traceparent.at + TRACEPARENT_TRACE, TRACE_ID_TEXT);
    memcpy(s->id, traceparent.at + TRACEPARENT_SPAN, SPAN_ID_TEXT);
    s->start_wall_us = clock_wall_us() - took_us;
    s->took_us = took_us;
    return s;
}

void tracer_put(struct tracer *t)
{
    uint64_t put = atomic_load_explicit(&t->put, memory_order_relaxed);

    atomic_store_explicit(&t->put, put + 1, memory_order_release);
}

/* --- attempts --- */

static void tracer_on_attempt(struct router_observer *o, const struct attempt_report *report)
{
    struct tracer *t = container_of(o, struct tracer, observer);
    const struct target *target = report->target;

    if (slice_is_empty(report->span))
        return;
    struct trace_span *s = tracer_span(t, report->traceparent, clock_now_us() - report->started_us);
    if (!s)
        return;
    s->kind = SPAN_CLIENT;
    memcpy(s->parent, s->id, SPAN_ID_TEXT); /* the request's */
    memcpy(s->id, report->span.at, SPAN_ID_TEXT);
    s->has_parent = true;
    s->is_call = true;
    s->call = report->kind;
    s->fault = report->fault;
    s->http_status = (unsigned)report->status;
    s->attempts = report->tries;
    if (report->fault == FAULT_NONE)
        s->usage = *report->usage;
    record_text(s->asked_model, sizeof(s->asked_model), target->upstream_model);
    record_text(s->served_model, sizeof(s->served_model), target->model);
    record_text(s->provider, sizeof(s->provider), target->provider);
    record_text(s->host, sizeof(s->host), report->host);
    s->port = report->port;
    tracer_put(t);
}

struct router_observer *tracer_observer(struct tracer *t)
{
    return &t->observer;
}

/* --- the exporter's --- */

size_t tracer_take(struct tracer *t, struct trace_span *ret, size_t most)
{
    uint64_t taken = atomic_load_explicit(&t->taken, memory_order_relaxed);
    uint64_t put = atomic_load_explicit(&t->put, memory_order_acquire);
    size_t n = (size_t)MIN(put - taken, (uint64_t)most);

    for (size_t i = 0; i < n; i++)
        ret[i] = t->spans[(taken + i) % TRACER_SPANS];
    atomic_store_explicit(&t->taken, taken + n, memory_order_release);
    return n;
}

uint64_t tracer_dropped(const struct tracer *t)
{
    return atomic_load_explicit(&t->dropped, memory_order_relaxed);
}
