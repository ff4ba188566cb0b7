/* quota_window.h: how much was used in the last 60 seconds, exactly enough.
 *
 * A sliding log, run-length coded: uses less than half a second apart share an entry, which leaves
 * the window when its youngest use does. So no 60 seconds ever see more than the limit, uses that
 * are further apart are counted to the millisecond, and a dense flow gets at least 99.1 % of its
 * limit. Private to the limiter; not thread-safe. */

#pragma once

#include "base/base.h"

enum { QUOTA_WINDOW_MS = 60000 };

struct quota_use {
    uint64_t first_ms, last_ms, amount;
};

struct quota_window {
    struct quota_use *ring;    /* NULL: nothing was ever used */
    unsigned cap, oldest, len; /* cap: a power of two */
    uint64_t sum;              /* of all entries */
};

void quota_window_free(struct quota_window *w);
/* Forgets what is older than the window. */
void quota_window_expire(struct quota_window *w, uint64_t now_ms);
/* Makes sure that an add will find room. -ENOMEM. */
int quota_window_reserve(struct quota_window *w) MUST_USE;
/* After reserve; returns the time under which the use stands (for quota_window_take_back). */
uint64_t quota_window_add(struct quota_window *w, uint64_t amount, uint64_t now_ms);
/* Takes back up to amount from the entry of that time; nothing when it has left the window. */
void quota_window_take_back(struct quota_window *w, uint64_t amount, uint64_t at_ms);
/* How long until at most `most` are left, after expire; 0: now. */
uint64_t quota_window_wait(const struct quota_window *w, uint64_t most, uint64_t now_ms);
/* How long until nothing is left. */
uint64_t quota_window_reset(const struct quota_window *w, uint64_t now_ms);
