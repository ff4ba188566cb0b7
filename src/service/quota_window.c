/* quota_window.c: see quota_window.h. */

#include "service/quota_window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Entries of one window begin more than this apart, so there are never more than USES_MAX - 1. */
enum { SHARE_MS = 500, USES_FIRST = 4, USES_MAX = 128 };

_Static_assert(QUOTA_WINDOW_MS / SHARE_MS + 2 < USES_MAX, "a full window fits");

static struct quota_use *use_at(const struct quota_window *w, unsigned i)
{
    return &w->ring[(w->oldest + i) & (w->cap - 1)];
}

static struct quota_use *newest(const struct quota_window *w)
{
    return w->len ? use_at(w, w->len - 1) : NULL;
}

static uint64_t leaves_at(const struct quota_use *u)
{
    return u->last_ms + QUOTA_WINDOW_MS;
}

void quota_window_free(struct quota_window *w)
{
    free(w->ring);
    *w = (struct quota_window){0};
}

void quota_window_expire(struct quota_window *w, uint64_t now_ms)
{
    while (w->len && leaves_at(use_at(w, 0)) <= now_ms) {
        w->sum -= use_at(w, 0)->amount;
        w->oldest = (w->oldest + 1) & (w->cap - 1);
        w->len--;
    }
}

int quota_window_reserve(struct quota_window *w)
{
    if (w->len < w->cap || w->cap == USES_MAX)
        return OK;
    unsigned cap = w->cap ? w->cap * 2 : USES_FIRST;
    struct quota_use *ring = calloc(cap, sizeof(*ring));
    if (!ring)
        return -ENOMEM;
    for (unsigned i = 0; i < w->len; i++)
        ring[i] = *use_at(w, i);
    free(w->ring);
    w->ring = ring;
    w->cap = cap;
    w->oldest = 0;
    return OK;
}

uint64_t quota_window_add(struct quota_window *w, uint64_t amount, uint64_t now_ms)
{
    struct quota_use *u = newest(w);

    w->sum += amount;
    /* workers read their clocks at different moments: time does not step back here */
    if (u && now_ms < u->last_ms)
        now_ms = u->last_ms;
    if (u && (now_ms - u->first_ms < SHARE_MS || w->len == w->cap)) {
        u->last_ms = now_ms;
        u->amount += amount;
        return now_ms;
    }
    w->len++;
    *newest(w) = (struct quota_use){now_ms, now_ms, amount};
    return now_ms;
}

void quota_window_take_back(struct quota_window *w, uint64_t amount, uint64_t at_ms)
{
    for (unsigned i = w->len; i-- > 0;) {
        struct quota_use *u = use_at(w, i);
        if (u->first_ms > at_ms)
            continue;
        if (u->last_ms < at_ms)
            return;
        amount = MIN(amount, u->amount);
        u->amount -= amount;
        w->sum -= amount;
        return;
    }
}

uint64_t quota_window_wait(const struct quota_window *w, uint64_t most, uint64_t now_ms)
{
    uint64_t left = w->sum;

    for (unsigned i = 0; left > most && i < w->len; i++) {
        left -= use_at(w, i)->amount;
        if (left <= most)
            return leaves_at(use_at(w, i)) - now_ms;
    }
    return 0;
}

uint64_t quota_window_reset(const struct quota_window *w, uint64_t now_ms)
{
    for (unsigned i = w->len; i-- > 0;) {
        if (use_at(w, i)->amount)
            return leaves_at(use_at(w, i)) - now_ms;
    }
    return 0;
}
