/* key_limits.h: the limits that a key has for single models, as they stand in its row:
 * "60/100000/4/gpt-4o,0/0/1/m": requests a minute, tokens a minute, requests at a time, 0: no
 * limit, and the model's name, which has no comma. */

#pragma once

#include "base/arena.h"

struct key_limit {
    struct slice model;
    uint64_t rpm, tpm, concurrency; /* 0: no limit */
};

/* Takes the first one off *list. False: there is none, or what stands there is none. */
bool key_limits_next(struct slice *list, struct key_limit *ret);
/* As it stands in the row; in the arena. .at NULL: out of memory. */
struct slice key_limits_text(const struct key_limit *limits, size_t n, struct arena *a);
/* The limits of that model. False: there are none. */
bool key_limits_find(struct slice list, struct slice model, struct key_limit *ret);
/* Under which number a limiter counts what a key uses of a model: no key has it, and it is the same
 * in every process. */
int64_t key_limits_id(int64_t key_id, struct slice model);
