/* otlp_writer.h: spans as the JSON of an OTLP/HTTP export (opentelemetry.io/docs/specs/otlp, "JSON
 * Protobuf Encoding"; opentelemetry-proto, collector/trace/v1/trace_service.proto).
 *
 * Attributes have the names of OpenTelemetry's conventions for HTTP and for generative AI; what has
 * no name there is courier.*. */

#pragma once

#include "base/buf.h"
#include "service/tracer.h"

/* Who tells. */
struct otlp_resource {
    struct slice service_name, service_version, instance_id, host_name;
};

/* An ExportTraceServiceRequest with these spans. */
void otlp_write(struct buf *ret, const struct otlp_resource *resource,
                const struct trace_span *spans, size_t n);
