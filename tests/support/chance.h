/* chance.h: chance that is the same in each run: xorshift64, with a seed of the test itself. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

static uint64_t seed; /* not 0 */

static inline unsigned below(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 33) % n;
}

static inline bool chance(unsigned percent)
{
    return below(100) < percent;
}
