/* retry.h: is a failed attempt repeated on the same target, and when? Pure. */

#pragma once

#include "model/fault.h"

struct retry_question {
    const struct fault *fault;
    unsigned tries;   /* made on this target, this one included */
    unsigned retries; /* how many more than one the model allows */
    uint64_t took_ms; /* the failed attempt */
    uint64_t left_ms; /* of the whole request */
    uint64_t random;  /* any */
};

/* Milliseconds to wait before the same target is tried again; -1: it is not.
 *
 * Only what failed fast is repeated: a target that was silent until its limit is not asked again.
 * The wait is exponential with full jitter; a provider's own hint is obeyed when it is short, and
 * with a long one the next target is the better choice. */
int64_t retry_wait_ms(const struct retry_question *q);
