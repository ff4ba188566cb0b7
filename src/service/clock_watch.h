/* clock_watch.h: is it as late as the clock says? For those who end things for good by it, where no
 * other clock can be asked.
 *
 * The wall clock is believed as long as it goes with the time that the machine runs. One that is
 * far ahead of that is believed when it has been for a day: until then somebody may notice. One
 * that is behind ends nothing too early, and is believed. Private to the services. */

#pragma once

#include "base/base.h"

/* What a wall clock may gain at once; what may have passed while nothing ran; how long a clock that
 * gained more is doubted. */
enum { CLOCK_GAIN_MS = 3600 * 1000, CLOCK_REST_MS = 7 * 24 * 3600 * 1000 };
enum { CLOCK_DOUBT_MS = 24 * 3600 * 1000 };

struct clock_reading {
    uint64_t wall_us;
    uint64_t running_ms; /* of a clock that nobody sets: clock_running_ms */
};

struct clock_watch {
    struct clock_reading last; /* that was believed */
    uint64_t may_gain_ms;
    bool doubts;
    uint64_t doubted_since_ms; /* of running_ms */
};

/* known_wall_us: so late it was at least, as of what is stored; 0: nothing is. */
void clock_watch_begin(struct clock_watch *w, uint64_t known_wall_us, struct clock_reading now);
/* Asked at least every few hours. */
bool clock_watch_believes(struct clock_watch *w, struct clock_reading now);
