/* cached_completion.h: a call of a model whose answers are kept.
 *
 *   LOOKING → REPLAYING   it is there: the sink gets what another call got
 *   LOOKING → ASKING      it is not, or not in time: the router carries the call, and what the
 *                         sink gets is written down (cache_tee.h)
 *   any     → ENDED
 *
 * Between completion.c and the cache; private to the services. */

#pragma once

#include "service/cache_tee.h"
#include "service/completion.h"

struct completion;
struct registry_model;

enum cached_state { CACHED_ENDED, CACHED_LOOKING, CACHED_REPLAYING, CACHED_ASKING };

struct cached_completion {
    enum cached_state state;
    struct completion_ask ask;
    struct completion *completion;
    const struct registry_model *model;
    struct arena *arena;
    struct cache_key key;
    struct cache_fetch fetch;
    size_t replayed; /* bytes of the entry's body */
    bool keeps;      /* its answer may be written down */
    struct cache_tee tee;
};

/* Begins, where c->ask is set and its outcome knows no answer yet. OK: the sink has heard the whole
 * answer; AGAIN: it will hear it, the beginning perhaps within this call; negative: *ret_fault. */
int cached_completion_start(struct cached_completion *c, struct fault *ret_fault);
/* True: it was its own affair; false: that of the router's call. */
bool cached_completion_proceed(struct cached_completion *c);
bool cached_completion_cancel(struct cached_completion *c);
