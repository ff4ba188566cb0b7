/* metric_table.h: what GET /metrics tells: one table, metric.def. */

#pragma once

#include "base/buf.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum metric_id {
#define METRIC(id, kind, unit, buckets, name, labels, help) METRIC_ID_##id,
#include "service/metric.def"
#undef METRIC
    METRIC_ID_MAX
};

enum { METRIC_LABELS = 6 }; /* most of one metric */

/* Upper bounds of a histogram's buckets, but for +Inf, in the unit that is kept. */
struct metric_buckets {
    const uint64_t *bounds;
    size_t len;
};

extern const struct metric_buckets metric_duration_buckets, metric_first_token_buckets,
    metric_per_token_buckets, metric_tokens_buckets;

struct metric {
    const char *name;   /* as Prometheus knows it */
    const char *labels; /* names, comma-separated */
    const char *unit;   /* "seconds" (kept in microseconds), "bytes", "tokens", or empty */
    const char *help;
    enum metric_kind kind;
    const struct metric_buckets *buckets; /* METRIC_HISTOGRAM */
};

extern const struct metric metric_table[METRIC_ID_MAX];

/* docs/metrics.md. */
void metric_page(struct buf *ret);
