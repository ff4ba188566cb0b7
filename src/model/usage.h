/* usage.h: what a call used, in disjoint counters with one meaning for every provider. */

#pragma once

#include "base/base.h"

enum usage_source { USAGE_NONE, USAGE_PROVIDER, USAGE_PARTIAL, USAGE_ESTIMATED };

struct usage {
    uint64_t input; /* prompt tokens that were neither read from nor written to a cache */
    uint64_t cached_read;
    uint64_t cache_write;
    uint64_t output; /* completion tokens without reasoning */
    uint64_t reasoning;
    enum usage_source source;
};

static inline uint64_t usage_prompt(const struct usage *u)
{
    return u->input + u->cached_read + u->cache_write;
}

static inline uint64_t usage_completion(const struct usage *u)
{
    return u->output + u->reasoning;
}

/* "provider", "partial", "estimated", "none" */
const char *usage_source_name(enum usage_source source);
