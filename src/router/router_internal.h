/* router_internal.h: the router as its own files see it. */

#pragma once

#include "router/health.h"
#include "router/plan.h"
#include "router/router.h"

struct router {
    struct router_options options;
    struct health_table *health;
    struct plan_view view;
};
