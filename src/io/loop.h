/* loop.h: one thread's event loop, its timers, and "later in this turn".
 *
 * Wraps libuv. Everything here belongs to the loop's thread but for what says otherwise. */

#pragma once

#include "base/list.h"

struct loop;

/* NULL: out of memory or descriptors. */
struct loop *loop_new(void);
/* Only after loop_run has returned and everything on the loop was closed. */
void loop_free(struct loop *loop);
/* Runs until loop_stop. */
void loop_run(struct loop *loop);
/* From the loop's own thread. */
void loop_stop(struct loop *loop);
/* Monotonic, taken at the top of the turn: no clock is read. */
uint64_t loop_now_ms(const struct loop *loop);
/* Memory that one call may use for a read and hand on; its contents die with the call. At least
 * LOOP_SCRATCH bytes, one for each loop. */
enum { LOOP_SCRATCH = 256 * 1024 };
char *loop_scratch(struct loop *loop);

/* A timer, embedded in its owner. Setting one that is set moves it; pushing a deadline further off
 * (an idle clock, on each chunk) costs one store. All timers of a loop share one kernel timer. */
struct timer {
    struct loop *loop;
    void (*fire)(struct timer *t);
    uint64_t due_ms; /* when it is to fire */
    uint64_t key_ms; /* where it stands in the heap; <= due_ms */
    size_t slot;     /* place in the heap + 1; 0: not set */
};

void timer_init(struct timer *t, struct loop *loop, void (*fire)(struct timer *t));
/* Fires once, delay_ms from now, behind what sockets have to tell by then. -ENOMEM (the heap could
 * not grow): not set. */
int timer_set(struct timer *t, uint64_t delay_ms);
void timer_stop(struct timer *t); /* harmless when not set */
static inline bool timer_is_set(const struct timer *t)
{
    return t->slot != 0;
}

/* Runs once, at the end of this turn, before the loop waits again: to write once what a turn
 * gathered. Queueing one that is queued is harmless. */
struct turn_end {
    struct list node;
    void (*run)(struct turn_end *t);
};
void turn_end_init(struct turn_end *t, void (*run)(struct turn_end *t));
void turn_end_queue(struct loop *loop, struct turn_end *t);
void turn_end_cancel(struct turn_end *t);
