/* health_gather.h: how everything is, for /admin/v1/health: gathered in the yard on request. */

#pragma once

#include "model/health_report.h"
#include "service/metrics.h"

/* Blocks, in the yard; lives in the arena. -ENOMEM. */
int health_gather(const struct metrics_sources *s, struct arena *a, struct health_report **ret);

/* The same for a request. AGAIN: op.done is called with ret->report, unless the arena ends before;
 * -ENOMEM. */
struct health_ask {
    struct op op;
    const struct health_report *report; /* lives as long as the arena */
};
int health_ask(const struct metrics_sources *s, struct loop *loop, struct arena *a,
               struct health_ask *ask);
