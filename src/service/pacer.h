/* pacer.h: when a thread of the yard does its next round: after a pause, when it is woken, or never
 * again. */

#pragma once

#include "base/base.h"

#include <pthread.h>

struct pacer {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool woken, stopped;
    uint64_t deadline_ms; /* once stopped */
};

enum pacer_end { PACER_PAUSED, PACER_WOKEN, PACER_STOPPED };

void pacer_init(struct pacer *p);
void pacer_free(struct pacer *p);
/* Waits ms at most. A pacer that is stopped never waits. */
enum pacer_end pacer_wait(struct pacer *p, uint64_t ms);
/* Any thread: end the pause. */
void pacer_wake(struct pacer *p);
/* Any thread: end the pause and all later ones; the work may take limit_ms. */
void pacer_stop(struct pacer *p, uint64_t limit_ms);
/* Milliseconds until the deadline; only once stopped. */
uint64_t pacer_left_ms(struct pacer *p);
