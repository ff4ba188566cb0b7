/* reply.h: what a provider's buffered answer means. */

#pragma once

#include "model/usage.h"
#include "base/slice.h"

struct reply {
    struct slice body;  /* what the client gets: the provider's own bytes where dialects agree */
    struct usage usage; /* source USAGE_NONE: the provider told nothing */
};
