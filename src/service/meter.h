/* meter.h: what one worker counts. Its own alone: plain stores, no lock, nothing shared.
 *
 * metrics.h reads all workers' meters and makes of them what metric.def lists. Who wants to count a
 * thing adds a line to metric.def and one to meter_counter.def. */

#pragma once

#include "model/outcome.h"
#include "router/router.h"
#include "service/exposition.h"

struct meter;

enum meter_counter {
#define METER(id, metric, value) METER_##id,
#include "service/meter_counter.def"
#undef METER
    METER_COUNTER_MAX
};

/* A request that has ended. */
struct meter_request {
    struct slice endpoint; /* the route's path, of static storage; empty: it led nowhere */
    bool is_call;          /* of a model */
    enum call_kind kind;
    struct slice model; /* asked for, when there is such a model; else empty */
    const struct outcome *outcome;
    uint64_t took_us, bytes_in, bytes_out;
};

/* NULL: out of memory. */
struct meter *meter_new(void);
void meter_free(struct meter *m);

/* On the worker's thread; a NULL meter counts nothing. */
void meter_begin(struct meter *m);
void meter_end(struct meter *m, const struct meter_request *r);
void meter_count(struct meter *m, enum meter_counter which, uint64_t n);
/* For the router; as long as the meter lives. */
struct router_observer *meter_observer(struct meter *m);

/* Any thread. */
void meter_tell(const struct meter *m, struct exposition *e);
