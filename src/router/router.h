/* router.h: what the attempts of one worker share. */

#pragma once

#include "io/loop.h"
#include "model/call.h"
#include "model/fault.h"
#include "model/target.h"
#include "model/usage.h"

struct client;
struct plan_view;
struct router;

/* The settings' clocks, milliseconds. */
struct router_clocks {
    uint64_t first_token; /* streamed: from send to the first content */
    uint64_t answer;      /* buffered: one attempt, until the whole body */
    uint64_t idle;        /* between two pieces of a stream */
    uint64_t total;       /* the whole request */
};

struct router_limits {
    size_t frame_bytes;  /* one SSE frame */
    size_t answer_bytes; /* one buffered answer */
};

/* What an attempt at a target came to. */
struct attempt_report {
    const struct target *target;
    enum call_kind kind;
    enum fault_kind
        fault;      /* FAULT_NONE: it was good; FAULT_CLIENT_CLOSED: given up by the caller */
    unsigned tries; /* at this target in a row, with this one */
    uint64_t took_ms;
    int status; /* the provider's; 0: none came */
    struct slice host;
    uint16_t port;
    const struct usage *usage; /* as far as the outcome knows it */
    /* of a call that is traced: its traceparent, this attempt's span within it, and when that began
     * (clock_now_us); else empty */
    struct slice traceparent, span;
    uint64_t started_us;
};

/* Hears of each attempt when it is over. Called on the loop; it must not call the router. */
struct router_observer {
    void (*on_attempt)(struct router_observer *o, const struct attempt_report *report);
};

struct router_options {
    struct loop *loop;
    struct client *client;
    struct router_observer *observer; /* NULL: nobody wants to know */
    struct router_clocks clocks;
    struct router_limits limits;
};

struct router *router_new(const struct router_options *options);
void router_free(struct router *r);
/* What plans are made by: how the targets are doing, as this worker has seen them. */
const struct plan_view *router_view(const struct router *r);
/* New clocks for calls that begin from now on (SIGHUP). */
void router_set_clocks(struct router *r, const struct router_clocks *clocks);
