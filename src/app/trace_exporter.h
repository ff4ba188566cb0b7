/* trace_exporter.h: the yard thread that carries spans from the workers to an OTLP collector, by
 * OTLP/HTTP with JSON (opentelemetry.io/docs/specs/otlp).
 *
 * Batches. 429, 502, 503, 504 and a collector that cannot be reached are tried again with growing
 * pauses, as long as its `retry-after` says or up to 30 s in all; then the batch is dropped and
 * counted. Meanwhile the workers' rings fill and drop: no request ever waits. */

#pragma once

#include "app/settings.h"
#include "service/tracer.h"

struct trace_exporter;

struct trace_exporter_options {
    const struct settings *settings; /* otlp_endpoint is set */
    unsigned workers;
    struct slice version;
};

/* -EINVAL: otlp_headers cannot be read, or upstream.ca_file. -ENOMEM; -errno of the thread. */
int trace_exporter_start(const struct trace_exporter_options *options, struct trace_exporter **ret);
/* Of worker i. */
struct tracer *trace_exporter_tracer(struct trace_exporter *e, unsigned i);

/* What became of spans; as long as the exporter lives. NULL: there is none. */
const struct trace_figures *trace_exporter_figures(const struct trace_exporter *e);
/* The workers have ended. Sends what is left, for limit_ms at most, ends the thread, frees. NULL is
 * harmless. */
void trace_exporter_stop(struct trace_exporter *e, uint64_t limit_ms);
