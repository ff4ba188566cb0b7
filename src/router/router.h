/* router.h: what the attempts of one worker share. */

#pragma once

#include "io/loop.h"

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

struct router_options {
    struct loop *loop;
    struct client *client;
    struct router_clocks clocks;
    struct router_limits limits;
};

struct router *router_new(const struct router_options *options);
void router_free(struct router *r);
/* What plans are made by: how the targets are doing, as this worker has seen them. */
const struct plan_view *router_view(const struct router *r);
/* New clocks for calls that begin from now on (SIGHUP). */
void router_set_clocks(struct router *r, const struct router_clocks *clocks);
