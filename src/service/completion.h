/* completion.h: one model call, from the decision to its settled end.
 *
 * Decides whether the principal may use the model, plans, and lets the router carry the call to a
 * provider; the answer goes to the sink. Fills the outcome as it learns. Knows no vendor, no HTTP.
 */

#pragma once

#include "base/arena.h"
#include "io/loop.h"
#include "model/call.h"
#include "model/outcome.h"
#include "model/principal.h"
#include "model/sink.h"

struct cache;
struct cache_wish;
struct snapshot;
struct router;
struct completion;

/* Everything but the bytes of the call lives at least as long as the arena. */
struct completion_ask {
    const struct call *call;
    const struct snapshot *snapshot;
    const struct principal *principal;
    struct slice request_id, traceparent; /* for the provider; traceparent may be empty */
    bool traced;                          /* its attempts are to be spans */
    struct arena *early; /* lives with the call's bytes, until its head was told to be `spent` */
    struct sink *sink;
    struct outcome *outcome;
    uint64_t started_us;  /* clock_now_us of the request's first byte */
    uint64_t patience_ms; /* how long the caller waits for the whole; 0: it did not say */
    struct cache *cache;  /* NULL: no answer of this call is kept */
    /* What the caller wants of the cache; asked only of a model whose answers are kept. Negative:
     * nothing. The identity lives in `early` or longer. */
    int (*wish)(void *caller, struct cache_wish *ret);
    void *caller;
};

/* AGAIN: the sink hears the answer or the fault, later; of an answer that was kept the beginning
 * may have come within this call. OK: it has heard all of such an answer. Negative: nothing was
 * begun and *ret_fault says why; -ENOTSUP: the model may be used, but none of its providers can do
 * this. The arena's end cancels what still runs. */
int completion_start(struct router *router, const struct completion_ask *ask, struct arena *a,
                     struct completion **ret, struct fault *ret_fault);
/* The client has room again. */
void completion_proceed(struct completion *c);
/* The client left: the provider's connection is closed at once, the outcome is filled with what was
 * counted. The sink hears nothing more. Idempotent. */
void completion_cancel(struct completion *c);
