/* offload.h: run plain blocking code in the yard and come back to the loop. */

#pragma once

#include "base/base.h"
#include "io/loop.h"

struct offload {
    struct op op;                   /* done(op, rc) with what work returned */
    int (*work)(struct offload *o); /* runs on a thread of the yard's pool */
    void *handle;                   /* private */
};

/* AGAIN, or -ENOMEM. *o must live until done: work that has begun cannot be cancelled. */
int offload_start(struct loop *loop, struct offload *o);
