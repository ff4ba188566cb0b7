/* tracer.h: spans of requests and attempts on their way from a worker to whoever exports them.
 *
 * A ring for each worker: it alone puts in, one thread of the yard takes out. When the ring is full
 * a span is dropped and counted: a collector that is slow or away never holds a request up. Nothing
 * in a span is a prompt, an answer, a key, or a provider's text. */

#pragma once

#include "base/ids.h"
#include "model/call.h"
#include "model/outcome.h"
#include "router/router.h"

#include <stdatomic.h>

struct tracer;

enum { TRACER_SPANS = 4096, SPAN_TEXT = 128, SPAN_PROVIDER = 64, SPAN_METHOD = 8 };
enum { TRACER_WHOLE = 1000000 }; /* the sample of everything */

enum span_kind { SPAN_SERVER = 2, SPAN_CLIENT = 3 }; /* opentelemetry/proto/trace/v1: SpanKind */

/* Texts are NUL-terminated and cut at their room. */
struct trace_span {
    enum span_kind kind;
    char trace[TRACE_ID_TEXT], id[SPAN_ID_TEXT], parent[SPAN_ID_TEXT];
    bool has_parent;
    uint64_t start_wall_us, took_us;
    uint64_t first_token_us;    /* since its start; 0: none */
    struct slice route;         /* of static storage; empty: none */
    char method[SPAN_METHOD];   /* of a request */
    unsigned http_status;       /* 0: none */
    enum outcome_status status; /* of a request */
    enum fault_kind fault;
    bool is_call; /* of a model: what follows is set */
    enum call_kind call;
    bool stream, fallback_used;
    unsigned attempts; /* of a request: how many; of an attempt: which one at its target */
    struct usage usage;
    char request_id[SPAN_TEXT + 1];
    char asked_model[SPAN_TEXT + 1], served_model[SPAN_TEXT + 1], provider[SPAN_PROVIDER + 1];
    char host[SPAN_TEXT + 1]; /* of an attempt */
    uint16_t port;
};

/* sample: of TRACER_WHOLE new traces so many. NULL: out of memory. */
struct tracer *tracer_new(uint64_t sample);
void tracer_free(struct tracer *t);

/* --- the worker's --- */

/* Whether a trace that begins here is to be told of; the same for the same trace everywhere. */
bool tracer_samples(const struct tracer *t, const char trace_id[TRACE_ID_TEXT]);
/* A zeroed span to fill, its ids set from the traceparent (whose span it is), ending now; NULL: no
 * room, it is dropped. Followed by tracer_put. */
struct trace_span *tracer_span(struct tracer *t, struct slice traceparent, uint64_t took_us);
void tracer_put(struct tracer *t);
/* For the router; as long as the tracer lives. */
struct router_observer *tracer_observer(struct tracer *t);

/* --- the exporter's --- */

/* What became of spans. */
struct trace_figures {
    _Atomic uint64_t exported, failed; /* taken by the collector, or not */
    struct tracer *const *tracers;     /* those that found no room: tracer_dropped of each */
    size_t tracers_len;
};

/* At most so many, oldest first; returns how many. */
size_t tracer_take(struct tracer *t, struct trace_span *ret, size_t most);
/* Spans that found no room. Any thread. */
uint64_t tracer_dropped(const struct tracer *t);
