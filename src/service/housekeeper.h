/* housekeeper.h: the yard thread that looks after what usage leaves in the store: once a minute it
 * notes when keys were used, works out the sums of times that are over, and ends rows that are
 * older than their retention: usage, prompts, the audit log. Of several instances one does it; each
 * makes room for the days to come.
 *
 * It is never in anybody's way: nothing waits for it, and a store that is away is tried again. */

#pragma once

#include "base/slice.h"

#include <stdatomic.h>

struct housekeeper;

struct housekeeper_options {
    struct slice store;
    uint64_t retention_ms;        /* of rows in usage_logs; 0: for ever, as all but prompts */
    uint64_t prompt_retention_ms; /* of rows in prompt_logs; 0: for ever */
    /* Nothing is changed in the store before this is true: it may be another installation's. NULL:
     * it is known. Outlives the housekeeper. */
    const atomic_bool *admitted;
};

int housekeeper_start(const struct housekeeper_options *options, struct housekeeper **ret);
/* Interrupts the step that runs. NULL is harmless. */
void housekeeper_stop(struct housekeeper *h);
