/* dispatch.h: carries one call along its plan: a target after the other, each as often as retry.h
 * allows, until one answers, the fault is nobody else's to mend, or content has gone out.
 *
 * `committed` is one boolean, set in one place (dispatch_commit): before it any fault may go to the
 * next target; after it a fault ends the answer in band, unless the model allows a rescue
 * (rescue.h). */

#pragma once

#include "base/arena.h"
#include "base/ids.h"
#include "model/call.h"
#include "model/outcome.h"
#include "model/sink.h"
#include "router/attempt.h"
#include "router/health.h"
#include "router/plan.h"
#include "router/rescue.h"

struct router;

struct dispatch_ask {
    const struct call *call;
    struct plan plan;                     /* not empty */
    struct slice request_id, traceparent; /* sent to the provider; traceparent may be empty */
    struct arena *early; /* for what is sent: lives with the call's bytes, until the sink has heard
                            that they are `spent` */
    struct sink *sink;
    struct outcome *outcome;
    uint64_t started_us;
    uint64_t patience_ms; /* the caller's, for the whole; 0: as the settings say */
    bool traced;          /* each attempt is a span of its own, and the provider's parent */
};

struct dispatch {
    struct dispatch_ask ask;
    struct router *router;
    struct arena *arena;
    struct attempt attempt;    /* the one that runs; one at a time */
    struct health_call health; /* its */
    size_t next;               /* into the plan */
    unsigned tries;            /* on the target of the attempt */
    uint64_t begun_ms;         /* the attempt */
    bool trying;               /* it is under way: its end has not been reported */
    char span[SPAN_ID_TEXT];   /* its, where traced */
    uint64_t begun_us;         /* the same moment, where traced */
    struct timer backoff;      /* before the same target is tried again */
    struct timer keepalive;    /* until content goes out */
    struct rescue *rescue;     /* NULL: the model does not want it */
    struct usage delivered;    /* of the attempt whose answer the client has, during a rescue */
    uint64_t deadline_ms;      /* of the whole */
    bool head_told; /* the sink knows the status: at the commit, or a keep-alive before */
    bool committed;
    bool ended; /* the sink has heard the end, or nobody listens any more */
};

/* AGAIN: the sink hears the answer or the fault, never within this call. Negative: no target could
 * be tried, *ret_fault says why. *d lives in the arena, whose end cancels what still runs. */
int dispatch_start(struct dispatch *d, struct router *router, const struct dispatch_ask *ask,
                   struct arena *a, struct fault *ret_fault);
/* The client has room again. */
void dispatch_proceed(struct dispatch *d);
/* Nobody listens any more: the provider's connection is closed at once, what was counted goes into
 * the outcome. Idempotent. */
void dispatch_cancel(struct dispatch *d);

/* For the attempt. */

/* The one place where an answer is committed: tells the sink its head. */
int dispatch_commit(struct dispatch *d, const struct sink_head *head);
/* Bytes for the client; last: the good end. Negative: the client is gone, dispatch has ended. */
int dispatch_bytes(struct dispatch *d, const struct slice *spans, size_t n, bool last);
/* The attempt failed. Goes to the same target once more, to the next, or tells the sink. */
void dispatch_failed(struct dispatch *d, const struct fault *fault);
/* A rescue: the attempt has said all that the client has, and goes on. */
void dispatch_rescued(struct dispatch *d);
/* A rescue: it says something else. The attempt has ended; the sink hears that the answer broke. */
void dispatch_diverged(struct dispatch *d);
