/* router.c: what the attempts of one worker share: loop, client, clocks, limits, health. */

#include "router/router_internal.h"

#include <stdlib.h>

static struct plan_health router_look(const struct plan_view *view, const struct target *target)
{
    const struct router *r = container_of(view, struct router, view);
    const struct health *h = health_of(r->health, target->identity);

    return (struct plan_health){
        .wait_ms = health_wait_ms(h, loop_now_ms(r->options.loop)),
        .outstanding = health_outstanding(h),
    };
}

struct router *router_new(const struct router_options *options)
{
    struct router *r = calloc(1, sizeof(*r));

    if (!r)
        return NULL;
    r->options = *options;
    r->view.look = router_look;
    r->health = health_table_new();
    if (!r->health) {
        free(r);
        return NULL;
    }
    return r;
}

void router_free(struct router *r)
{
    if (!r)
        return;
    health_table_free(r->health);
    free(r);
}

const struct plan_view *router_view(const struct router *r)
{
    return &r->view;
}

void router_set_clocks(struct router *r, const struct router_clocks *clocks)
{
    r->options.clocks = *clocks;
}
