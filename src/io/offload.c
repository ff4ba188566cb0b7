/* offload.c: blocking work on libuv's pool of threads. */

#include "io/offload.h"
#include "io/loop_private.h"

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

struct offload_work {
    uv_work_t work;
    struct offload *owner;
    int rc;
};

static void offload_run(uv_work_t *work)
{
    struct offload_work *w = container_of(work, struct offload_work, work);

    w->rc = w->owner->work(w->owner);
}

static void offload_after(uv_work_t *work, int status)
{
    struct offload_work *w = container_of(work, struct offload_work, work);
    struct offload *owner = w->owner;
    int rc = w->rc;
    (void)status; /* never cancelled */

    free(w);
    owner->handle = NULL;
    owner->op.done(&owner->op, rc);
}

int offload_start(struct loop *loop, struct offload *o)
{
    struct offload_work *w = calloc(1, sizeof(*w));

    if (!w)
        return -ENOMEM;
    w->owner = o;
    o->handle = w;
    if (uv_queue_work(loop_uv(loop), &w->work, offload_run, offload_after) < 0) {
        free(w);
        return -ENOMEM;
    }
    return AGAIN;
}
