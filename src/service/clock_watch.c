/* clock_watch.c: see clock_watch.h. */

#include "service/clock_watch.h"

void clock_watch_begin(struct clock_watch *w, uint64_t known_wall_us, struct clock_reading now)
{
    *w = (struct clock_watch){.last = now, .may_gain_ms = CLOCK_REST_MS};
    if (known_wall_us)
        w->last.wall_us = known_wall_us;
}

static bool is_ahead(const struct clock_watch *w, struct clock_reading now)
{
    uint64_t ran_ms = now.running_ms - w->last.running_ms;

    return now.wall_us / 1000 > w->last.wall_us / 1000 + ran_ms + w->may_gain_ms;
}

bool clock_watch_believes(struct clock_watch *w, struct clock_reading now)
{
    bool ahead = is_ahead(w, now);

    if (ahead && !w->doubts)
        w->doubted_since_ms = now.running_ms;
    w->doubts = ahead;
    if (ahead && now.running_ms - w->doubted_since_ms < CLOCK_DOUBT_MS)
        return false;
    *w = (struct clock_watch){.last = now, .may_gain_ms = CLOCK_GAIN_MS};
    return true;
}
