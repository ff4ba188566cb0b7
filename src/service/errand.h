/* errand.h: blocking work in the yard for a request whose client may leave meanwhile.
 *
 * The errand is allocated by its sender, because work that has begun cannot be stopped and may
 * outlive the request: whatever run touches belongs to the errand. */

#pragma once

#include "base/arena.h"
#include "io/offload.h"

struct errand {
    struct op op;                      /* done: on the loop, unless the arena has ended */
    int (*run)(struct errand *e);      /* in the yard; what it returns, done is told */
    void (*release)(struct errand *e); /* on the loop, the last act: frees */
    struct offload offload;            /* private from here on */
    bool returned, dropped;
};

/* AGAIN: done is called unless the arena ends before; release with the end of the arena, or when
 * the work is over if that is later. -ENOMEM: it was released. */
int errand_start(struct loop *loop, struct errand *e, struct arena *a);
