/* timers.h: the heap of a loop's timers; private to io. See timer_set for who moves what.
 *
 * A binary heap of pointers ordered by key_ms. A deadline that moves further off only changes
 * due_ms; the timer keeps its place until its key has come, and is put back then. */

#pragma once

#include "io/loop.h"

struct timers {
    struct timer **heap; /* heap[0] has the smallest key */
    size_t len, cap;
};

void timers_free(struct timers *ts);
/* Fires what is due at now_ms. A timer that is set while firing, with no delay, waits for the next
 * turn. */
void timers_fire(struct timers *ts, uint64_t now_ms);
/* When the earliest may be due; UINT64_MAX when none is set. */
uint64_t timers_next(const struct timers *ts);
