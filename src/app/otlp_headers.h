/* otlp_headers.h: the fields that go with each export, "name=value,name2=value2" as in
 * OTEL_EXPORTER_OTLP_HEADERS (OpenTelemetry, "OTLP Exporter Configuration"; W3C Baggage). */

#pragma once

#include "base/secret.h"
#include "codec/headers.h"

/* Adds them; values are percent-decoded, text lives in the arena. -EINVAL: they are not written so,
 * or cannot stand in a head. -ENOMEM, -E2BIG. */
int otlp_headers_read(struct secret text, struct arena *a, struct headers *ret);
