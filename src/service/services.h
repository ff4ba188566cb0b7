/* services.h: what the gates and handlers of one worker may ask of. Made by the app. */

#pragma once

#include "io/loop.h"

#include <stdatomic.h>

struct cache;
struct admin_desk;
struct key_service;
struct mailbox;
struct limiter;
struct journal;
struct meter;
struct metrics_sources;
struct prompt_keeper;
struct router;
struct snapshot_view;
struct tracer;

struct services {
    struct loop *loop;
    struct snapshot_view *snapshots;
    struct key_service *keys;
    struct limiter *limiter;
    struct journal *journal; /* this worker's */
    struct router *router;
    struct cache *cache;         /* NULL: none */
    struct admin_desk *desk;     /* shared by all workers */
    struct mailbox *mailbox;     /* this worker's, for what comes back from the yard */
    const atomic_bool *leaving;  /* told to end: /readyz is 503 */
    const atomic_bool *draining; /* no new work */
    struct meter *meter;         /* this worker's; NULL: nothing is counted */
    const struct metrics_sources *metrics;
    struct prompt_keeper *prompts; /* shared by all workers; NULL: none are stored */
    struct tracer *tracer;         /* this worker's; NULL: nobody wants traces */
    bool drop_records;             /* with the journal full requests go on, without a row */
};
