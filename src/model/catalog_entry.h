/* catalog_entry.h: what a client is told of a model that it may use. */

#pragma once

#include "base/slice.h"

struct catalog_entry {
    struct slice name;
    struct slice owned_by; /* the provider's name */
    uint64_t created_wall_us;
    uint64_t context_window; /* tokens; 0: not known */
    uint64_t max_tokens;     /* of an answer; 0: not known */
    struct slice modalities; /* comma-separated; empty: not known */
};
