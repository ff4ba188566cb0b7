/* timers.c: deadlines of a loop, as a binary heap of pointers.
 *
 * Most timers are idle clocks that are pushed off on each chunk and never fire; so moving one
 * further off is one store, and the heap is put right only when the old key has come. */

#include "io/timers.h"
#include "io/loop_private.h"

#include <errno.h>
#include <stdlib.h>

static void timers_place(struct timers *ts, size_t at, struct timer *t)
{
    ts->heap[at] = t;
    t->slot = at + 1;
}

static void timers_sift_up(struct timers *ts, size_t at, struct timer *t)
{
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (ts->heap[parent]->key_ms <= t->key_ms)
            break;
        timers_place(ts, at, ts->heap[parent]);
        at = parent;
    }
    timers_place(ts, at, t);
}

static void timers_sift_down(struct timers *ts, size_t at, struct timer *t)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= ts->len)
            break;
        if (child + 1 < ts->len && ts->heap[child + 1]->key_ms < ts->heap[child]->key_ms)
            child++;
        if (t->key_ms <= ts->heap[child]->key_ms)
            break;
        timers_place(ts, at, ts->heap[child]);
        at = child;
    }
    timers_place(ts, at, t);
}

static int timers_push(struct timers *ts, struct timer *t)
{
    if (ts->len == ts->cap) {
        size_t cap = ts->cap ? ts->cap * 2 : 64;
        struct timer **heap = realloc(ts->heap, cap * sizeof(*heap));
        if (!heap)
            return -ENOMEM;
        ts->heap = heap;
        ts->cap = cap;
    }
    timers_sift_up(ts, ts->len++, t);
    return OK;
}

static void timers_remove(struct timers *ts, struct timer *t)
{
    size_t at = t->slot - 1;
    struct timer *last = ts->heap[--ts->len];

    t->slot = 0;
    if (last == t)
        return;
    if (at > 0 && last->key_ms < ts->heap[(at - 1) / 2]->key_ms)
        timers_sift_up(ts, at, last);
    else
        timers_sift_down(ts, at, last);
}

void timers_free(struct timers *ts)
{
    free(ts->heap);
    *ts = (struct timers){0};
}

uint64_t timers_next(const struct timers *ts)
{
    return ts->len ? ts->heap[0]->key_ms : UINT64_MAX;
}

void timers_fire(struct timers *ts, uint64_t now_ms)
{
    while (ts->len && ts->heap[0]->key_ms <= now_ms) {
        struct timer *t = ts->heap[0];
        if (t->due_ms > now_ms) {
            t->key_ms = t->due_ms;
            timers_sift_down(ts, 0, t);
            continue;
        }
        timers_remove(ts, t);
        t->fire(t);
    }
}

void timer_init(struct timer *t, struct loop *loop, void (*fire)(struct timer *t))
{
    *t = (struct timer){.loop = loop, .fire = fire};
}

int timer_set(struct timer *t, uint64_t delay_ms)
{
    struct timers *ts = loop_timers(t->loop);

    /* at least one tick on: a timer without delay that sets itself anew lets the loop turn */
    t->due_ms = loop_now_ms(t->loop) + MAX(delay_ms, 1);
    if (t->slot && t->due_ms >= t->key_ms)
        return OK;

    t->key_ms = t->due_ms;
    if (t->slot) {
        timers_sift_up(ts, t->slot - 1, t);
    } else {
        int rc = timers_push(ts, t);
        if (rc < 0)
            return rc;
    }
    if (ts->heap[0] == t)
        loop_wake_at(t->loop, t->key_ms);
    return OK;
}

void timer_stop(struct timer *t)
{
    if (t->slot)
        timers_remove(loop_timers(t->loop), t);
}
