/* worker.h: one thread of the road: its loop, its listener, its connections, its chain.
 *
 * Made and started by the main thread; everything on it then belongs to its own thread, which also
 * takes it down. */

#pragma once

#include "app/settings.h"

#include <stdatomic.h>

struct worker;
struct snapshot_slot;
struct tls_client;
struct answer_cache;
struct admin_desk;
struct limiting;
struct journal;
struct meter;
struct metrics_sources;
struct fleet;
struct tracer;
struct prompt_keeper;
struct redactor;

/* What the workers of a process share, and where one listens. */
struct worker_options {
    const struct settings *settings;
    struct slice listen;         /* as in io/listener.h */
    struct slice metrics_listen; /* without keys, for one of the workers; empty: none */
    struct snapshot_slot *slot;
    struct tls_client *tls;
    struct answer_cache *answers;
    struct admin_desk *desk;
    struct limiting *limiting;
    unsigned number;         /* of this worker */
    struct journal *journal; /* its own */
    const atomic_bool *leaving, *draining;
    struct meter *meter; /* its own */
    const struct metrics_sources *metrics;
    struct tracer *tracer; /* its own; NULL: no traces */
    struct prompt_keeper *prompts;
    const struct redactor *redactor;
    struct fleet *fleet;
    int ended_fd; /* eventfd: one is added when the thread is about to end */
};

/* Listens. -EADDRINUSE, -EACCES …, -ENOMEM. */
int worker_new(const struct worker_options *options, struct worker **ret);
uint16_t worker_port(const struct worker *w);
uint16_t worker_metrics_port(const struct worker *w);
/* Starts the thread. -errno: the worker must still be freed. */
int worker_start(struct worker *w);
/* No new connections or requests; the thread ends when the last request has, or limit_ms later.
 * From any thread, once, after worker_start. */
void worker_drain(struct worker *w, uint64_t limit_ms);
/* Waits for the thread's end and frees. NULL is harmless. */
void worker_free(struct worker *w);
/* From any thread: what may change while it runs is as s says from now on; without memory it stays
 * as it was. */
void worker_reload(struct worker *w, const struct settings *s);
