/* plan.h: where a call may go, in order. Pure. */

#pragma once

#include "base/arena.h"
#include "model/call.h"
#include "model/target.h"
#include "router/registry.h"

/* What is known of a target's health when the plan is made. */
struct plan_health {
    uint64_t wait_ms;     /* > 0: its circuit is open, and for how long it is still meant to rest */
    uint64_t outstanding; /* calls at it */
};

/* Tells it; how is the router's affair. */
struct plan_view {
    struct plan_health (*look)(const struct plan_view *view, const struct target *target);
};

struct plan {
    const struct registry_model *model; /* the one asked for */
    const struct target **targets;
    size_t len;
    const struct target **resting; /* those left out because their circuits are open */
    size_t resting_len;
    uint64_t rest_ms; /* > 0: every circuit is open. The only target is the one nearest to recovery,
                         and this is how long it was still meant to rest */
};

/* The model's own targets, those with the fewest calls first, then those of its fallbacks, each
 * once. Left out: targets whose provider cannot do this kind of call, and those whose circuit is
 * open, unless all are. *ret may be empty. -ENOMEM. */
int plan_make(const struct registry_model *model, enum call_kind kind, const struct plan_view *view,
              struct arena *a, struct plan *ret);
/* Milliseconds until the first of those that rested when the plan was made may be used; at least 1.
 */
uint64_t plan_rest_ms(const struct plan *plan, const struct plan_view *view);
