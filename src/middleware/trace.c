/* trace.c: takes the client's ids up, or makes them, and tells of the request as a span.
 *
 * traceparent (W3C Trace Context, section 3.2) is continued: same trace, a span id of our own, same
 * flags. A trace that begins here is told of by chance (otlp_sample), one that is continued when
 * its flag says so. The request id is the client's x-request-id where that is sane and
 * tells nothing personal (an e-mail address, a key …), else the trace id. */

#include "middleware/trace.h"

#include "base/ids.h"
#include "model/record.h"
#include "service/services.h"
#include "service/tracer.h"
#include "web/exchange.h"
#include "web/shown.h"

enum { REQUEST_ID_MAX = 128 };

struct trace {
    char parent[TRACEPARENT_LEN];
    char above[SPAN_ID_TEXT]; /* the client's span */
    bool continued;           /* there is one */
};

static bool request_id_is_sane(struct slice id)
{
    for (size_t i = 0; i < id.len; i++)
        if (id.at[i] <= ' ' || id.at[i] > '~')
            return false;
    return id.len > 0 && id.len <= REQUEST_ID_MAX;
}

static bool is_hex(const char *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!((at[i] >= '0' && at[i] <= '9') || (at[i] >= 'a' && at[i] <= 'f')))
            return false;
    return true;
}

static bool is_hex_id(const char *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (at[i] != '0')
            return is_hex(at, n);
    return false; /* all zero is not an id */
}

/* Later versions may be longer, but begin alike (section 4.3 of the versioning rules). */
static bool parent_is_valid(struct slice p)
{
    if (p.len < TRACEPARENT_LEN || !is_hex(p.at, 2) || slice_starts(p, SLICE("ff")))
        return false;
    if (p.len > TRACEPARENT_LEN && (slice_starts(p, SLICE("00")) || p.at[TRACEPARENT_LEN] != '-'))
        return false;
    return p.at[TRACEPARENT_TRACE - 1] == '-' && p.at[TRACEPARENT_SPAN - 1] == '-' &&
           p.at[TRACEPARENT_FLAGS - 1] == '-' &&
           is_hex_id(p.at + TRACEPARENT_TRACE, TRACE_ID_TEXT) &&
           is_hex_id(p.at + TRACEPARENT_SPAN, SPAN_ID_TEXT) && is_hex(p.at + TRACEPARENT_FLAGS, 2);
}

static void parent_write(struct trace *t, struct slice client)
{
    static const char frame[] = "00-00000000000000000000000000000000-0000000000000000-00";

    _Static_assert(sizeof(frame) - 1 == TRACEPARENT_LEN, "the frame is a whole traceparent");
    memcpy(t->parent, frame, TRACEPARENT_LEN);
    t->continued = parent_is_valid(client);
    if (t->continued) {
        memcpy(t->parent + TRACEPARENT_TRACE, client.at + TRACEPARENT_TRACE, TRACE_ID_TEXT);
        memcpy(t->parent + TRACEPARENT_FLAGS, client.at + TRACEPARENT_FLAGS, 2);
        memcpy(t->above, client.at + TRACEPARENT_SPAN, SPAN_ID_TEXT);
    } else {
        ids_random_hex(t->parent + TRACEPARENT_TRACE, TRACE_ID_TEXT);
    }
    ids_random_hex(t->parent + TRACEPARENT_SPAN, SPAN_ID_TEXT);
}

/* Section 3.2.2.5: bit 0 of the flags says that the trace is recorded. */
static bool is_recorded(const struct trace *t)
{
    char low = t->parent[TRACEPARENT_FLAGS + 1];

    return (low <= '9' ? low - '0' : low - 'a' + 10) & 1;
}

/* What is open to everyone is asked by machines all the time: it is not told of. */
static bool trace_decide(const struct exchange *x, struct trace *t)
{
    const struct tracer *tracer = x->services->tracer;

    if (!tracer || (x->route && x->route->open))
        return false;
    if (t->continued)
        return is_recorded(t);
    bool sampled = tracer_samples(tracer, t->parent + TRACEPARENT_TRACE);
    t->parent[TRACEPARENT_FLAGS + 1] = sampled ? '1' : '0';
    return sampled;
}

static enum mw trace_on_request(struct exchange *x)
{
    struct trace *t = exchange_slot(x, &middleware_trace);
    struct slice id = exchange_field(x, SLICE("x-request-id"));

    parent_write(t, exchange_field(x, SLICE("traceparent")));
    x->traced = trace_decide(x, t);
    x->traceparent = slice_of(t->parent, TRACEPARENT_LEN);
    if (request_id_is_sane(id) && shown_as_is(x, id)) /* outlives the field that it came in */
        x->request_id = arena_copy(x->arena, id);
    if (!x->request_id.at)
        x->request_id = slice_of(t->parent + TRACEPARENT_TRACE, TRACE_ID_TEXT);
    exchange_header(x, SLICE("x-request-id"), x->request_id);
    if (exchange_dialect(x) == DIALECT_MESSAGES) /* as clients of that dialect look for it */
        exchange_header(x, SLICE("request-id"), x->request_id);
    return MW_NEXT;
}

static void span_add_call(struct trace_span *s, const struct exchange *x)
{
    const struct outcome *o = &x->outcome;

    s->is_call = true;
    s->call = x->route->kind;
    s->stream = o->stream;
    s->fallback_used = o->fallback_used;
    s->attempts = o->attempts;
    s->usage = o->usage;
    s->first_token_us = o->first_token_us;
    record_text(s->asked_model, sizeof(s->asked_model), o->requested_model);
    record_text(s->served_model, sizeof(s->served_model), o->served_model);
    record_text(s->provider, sizeof(s->provider), o->provider);
}

static void trace_on_end(struct exchange *x)
{
    const struct trace *t = exchange_slot(x, &middleware_trace);
    struct tracer *tracer = x->services->tracer;
    struct trace_span *s = x->traced ? tracer_span(tracer, x->traceparent, x->took_us) : NULL;

    if (!s)
        return;
    s->kind = SPAN_SERVER;
    s->has_parent = t->continued;
    memcpy(s->parent, t->above, SPAN_ID_TEXT);
    s->route = x->route ? x->route->path : SLICE("");
    s->http_status = (unsigned)x->outcome.http_status;
    s->status = x->outcome.status;
    s->fault = x->outcome.fault;
    record_text(s->method, sizeof(s->method), x->request->method_text);
    record_text(s->request_id, sizeof(s->request_id), x->request_id);
    if (x->route && x->route->has_call)
        span_add_call(s, x);
    tracer_put(tracer);
}

const struct middleware middleware_trace = {
    .name = "trace",
    .slot_bytes = sizeof(struct trace),
    .malformed = true,
    .on_request = trace_on_request,
    .on_end = trace_on_end,
};
