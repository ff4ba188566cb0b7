/* errand.c: see errand.h. */

#include "service/errand.h"

#include <errno.h>

static int errand_work(struct offload *o)
{
    struct errand *e = container_of(o, struct errand, offload);

    return e->run(e);
}

static void errand_back(struct op *op, int rc)
{
    struct errand *e = container_of(op, struct errand, offload.op);

    e->returned = true;
    if (e->dropped)
        e->release(e);
    else
        e->op.done(&e->op, rc);
}

/* The arena ends. */
static void errand_drop(void *arg)
{
    struct errand *e = arg;

    e->dropped = true;
    if (e->returned)
        e->release(e);
}

int errand_start(struct loop *loop, struct errand *e, struct arena *a)
{
    e->returned = e->dropped = false;
    e->offload = (struct offload){.op.done = errand_back, .work = errand_work};
    int rc = arena_defer(a, errand_drop, e);
    if (rc < 0) {
        e->release(e);
        return rc;
    }
    rc = offload_start(loop, &e->offload);
    if (rc < 0) {
        arena_undefer(a, errand_drop, e);
        e->release(e);
    }
    return rc;
}
