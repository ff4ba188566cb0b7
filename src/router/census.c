/* census.c: see census.h. */

#include "router/census.h"

#include "http/client.h"
#include "router/router_internal.h"

#include <errno.h>
#include <stdlib.h>

/* One more place in a growing array of `size` bytes each. NULL: out of memory. */
static void *census_grow(struct census *c, void **at, size_t *len, size_t *cap, size_t size)
{
    if (*len == *cap) {
        size_t more = *cap ? *cap * 2 : 16;
        void *grown = realloc(*at, more * size);
        if (!grown) {
            c->rc = -ENOMEM;
            return NULL;
        }
        *at = grown;
        *cap = more;
    }
    return (char *)*at + (*len)++ * size;
}

static void census_add_target(void *owner, const struct health_figures *f)
{
    struct census *c = owner;
    void *at = c->targets;
    struct health_figures *place =
        census_grow(c, &at, &c->targets_len, &c->targets_cap, sizeof(*place));

    c->targets = at;
    if (place)
        *place = *f;
}

static void census_add_origin(void *owner, const struct client_figures *f)
{
    struct census *c = owner;
    void *at = c->origins;
    struct census_origin *place =
        census_grow(c, &at, &c->origins_len, &c->origins_cap, sizeof(*place));

    c->origins = at;
    if (place)
        *place = (struct census_origin){f->hash, f->open, f->idle, f->waiting};
}

void census_take(const struct router *r, struct census *ret)
{
    *ret = (struct census){.rc = OK};
    health_each(r->health, loop_now_ms(r->options.loop), census_add_target, ret);
    client_each_origin(r->options.client, census_add_origin, ret);
}

void census_free(struct census *c)
{
    free(c->targets);
    free(c->origins);
    *c = (struct census){.rc = OK};
}

uint64_t census_origin_of(const struct target *target)
{
    return target->origin->hash;
}
