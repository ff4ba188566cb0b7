/* watching.h: what the gateway counts and who may ask for it: the workers' meters, the fleet, and
 * where everything else that /metrics tells comes from. */

#pragma once

#include "service/fleet.h"
#include "service/meter.h"
#include "service/metrics.h"

struct watching;

struct watching_options {
    unsigned workers;
    struct snapshot_slot *slot;
    struct snapshot_keeper *keeper;
    struct ledger *ledger;
    struct cache_memory *cache;
    const struct prompt_figures *prompts;
    const struct trace_figures *traces; /* NULL: none are made */
    const atomic_bool *draining;
};

/* NULL: out of memory. Outlives the workers. */
struct watching *watching_new(const struct watching_options *options);
void watching_free(struct watching *w);
/* Of worker i. */
struct meter *watching_meter(const struct watching *w, unsigned i);
struct fleet *watching_fleet(const struct watching *w);
const struct metrics_sources *watching_sources(const struct watching *w);
