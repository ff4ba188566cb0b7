/* census.h: how one worker's targets and connections are, for whoever watches. */

#pragma once

#include "router/health.h"
#include "router/router.h"

/* Connections to one place. */
struct census_origin {
    uint64_t hash; /* census_origin_of its targets */
    size_t open, idle, waiting;
};

struct census {
    struct health_figures *targets; /* those that were used; by target.identity */
    size_t targets_len, targets_cap;
    struct census_origin *origins;
    size_t origins_len, origins_cap;
    int rc; /* -ENOMEM: not whole */
};

/* On the router's loop. *ret is to be freed in any case. */
void census_take(const struct router *r, struct census *ret);
void census_free(struct census *c);
/* Where a target's connections go. */
uint64_t census_origin_of(const struct target *target);
