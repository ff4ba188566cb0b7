/* exposition.h: figures gathered from many places, written as Prometheus reads them (text format
 * 0.0.4, prometheus.io/docs/instrumenting/exposition_formats).
 *
 * Samples of one metric with the same labels are one: they are added up. So no series can come
 * twice, whoever tells of it. */

#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "service/metric_table.h"
#include "service/tally.h"

struct exposition_sample;

struct exposition {
    struct arena arena;
    struct exposition_family {
        struct map by_labels;
        struct exposition_sample *first, **end;
    } families[METRIC_ID_MAX];
    int rc; /* -ENOMEM: something is missing */
};

void exposition_init(struct exposition *e);
void exposition_free(struct exposition *e);

/* values: of the metric's labels, in their order; one that is empty is left out. n: in the unit
 * that is kept (microseconds where seconds are shown). */
void exposition_add(struct exposition *e, enum metric_id id, const struct slice *values,
                    uint64_t n);
/* cells: one for each bucket, the one above the last bound, and the sum. Nothing in it: not told.
 */
void exposition_add_histogram(struct exposition *e, enum metric_id id, const struct slice *values,
                              const tally_cell *cells);
/* Everything, in the table's order. Metrics without a sample are left out. ret->rc or e->rc: it is
 * not whole. */
void exposition_write(struct exposition *e, struct buf *ret);
