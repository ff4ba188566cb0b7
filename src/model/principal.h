/* principal.h: who is asking. Immutable, part of the snapshot; a request holds a reference to it.
 */

#pragma once

#include "base/slice.h"

struct principal {
    int64_t key_id, user_id;
    struct slice key_name, user_name;
    bool admin;
    uint64_t rpm, tpm, concurrency; /* 0: no limit */
    struct slice models;            /* comma-separated: may use only these; empty: all */
    struct slice model_limits;      /* for single models: see key_limits.h; empty: none */
    uint64_t expires_wall_us;       /* 0: never */
};

/* Whether it may use the model of that name. */
bool principal_may_use(const struct principal *p, struct slice model);
