/* pump.h: runs a loop until something has become true: no test waits longer than it must.
 *
 *     static bool ended(void *arg) { return ((struct thing *)arg)->ended; }
 *     pump_until(loop, ended, &thing);
 *
 * The condition is asked once a turn, and may itself do what the other side is to do. */

#pragma once

#include "io/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

struct pump {
    struct turn_end turn;
    struct loop *loop;
    bool (*done)(void *arg);
    void *arg;
    bool was_done;
    time_t deadline;
};

static inline void pump_turn(struct turn_end *t)
{
    struct pump *p = container_of(t, struct pump, turn);

    p->was_done = p->done(p->arg);
    if (p->was_done || time(NULL) > p->deadline)
        loop_stop(p->loop);
    else
        turn_end_queue(p->loop, t);
}

/* Fails the test when it has not become true within a minute. */
static inline void pump_until(struct loop *loop, bool (*done)(void *arg), void *arg)
{
    struct pump p = {.loop = loop, .done = done, .arg = arg, .deadline = time(NULL) + 60};

    turn_end_init(&p.turn, pump_turn);
    turn_end_queue(loop, &p.turn);
    loop_run(loop);
    turn_end_cancel(&p.turn);
    assert_true(p.was_done);
}

static inline bool pump_countdown(void *arg)
{
    unsigned *left = (unsigned *)arg;

    return (*left)-- == 0;
}

/* Lets the loop turn n times: for what must not happen. */
static inline void pump_turns(struct loop *loop, unsigned n)
{
    pump_until(loop, pump_countdown, &n);
}
