/* router.c: what the attempts of one worker share: loop, client, clocks, limits. */

#include "router/router_internal.h"

#include <stdlib.h>

struct router *router_new(const struct router_options *options)
{
    struct router *r = calloc(1, sizeof(*r));

    if (r)
        r->options = *options;
    return r;
}

void router_free(struct router *r)
{
    free(r);
}

void router_set_clocks(struct router *r, const struct router_clocks *clocks)
{
    r->options.clocks = *clocks;
}
