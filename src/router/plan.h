/* plan.h: where a call may go, in order. Pure. */

#pragma once

#include "base/arena.h"
#include "model/call.h"
#include "model/target.h"
#include "router/registry.h"

struct plan {
    const struct target **targets;
    size_t len;
};

/* The model's own targets, then those of its fallbacks, each once; targets whose provider cannot do
 * this kind of call are left out. *ret may be empty. -ENOMEM. */
int plan_make(const struct registry *registry, const struct registry_model *model,
              enum call_kind kind, struct arena *a, struct plan *ret);
