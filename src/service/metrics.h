/* metrics.h: everything that is counted, as GET /metrics shows it.
 *
 * Gathered in the yard on request: the workers' meters are read where they are, and each worker
 * tells of its targets and connections itself (fleet.h). */

#pragma once

#include "service/errand.h"
#include "base/buf.h"

#include <stdatomic.h>

struct cache_memory;
struct fleet;
struct ledger;
struct meter;
struct snapshot_keeper;
struct snapshot_slot;
struct prompt_figures;
struct trace_figures;

/* What is asked. All of it outlives the workers; NULL: there is none. */
struct metrics_sources {
    struct meter *const *meters; /* of each worker */
    size_t meters_len;
    struct fleet *fleet;
    struct snapshot_slot *slot;
    struct snapshot_keeper *keeper;
    const struct ledger *ledger;
    struct cache_memory *cache;
    const struct trace_figures *traces;
    const struct prompt_figures *prompts;
    const atomic_bool *draining;
    const char *version, *commit;
    struct slice instance; /* this process, among all */
    uint64_t started_wall_us;
};

/* The text; blocks, in the yard. -ENOMEM, -EMSGSIZE. */
int metrics_write(const struct metrics_sources *s, struct buf *ret);

/* The same for a request. AGAIN: op.done is called with the text in ret->text, unless the arena
 * ends before; -ENOMEM. */
struct metrics_ask {
    struct op op;
    struct slice text; /* lives as long as the arena */
};
int metrics_ask(const struct metrics_sources *s, struct loop *loop, struct arena *a,
                struct metrics_ask *ask);
