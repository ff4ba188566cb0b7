/* fleet.h: all workers of the process, for whoever in the yard wants to know how they are.
 *
 * What belongs to a worker is told by the worker itself, on its own thread: it gets a letter, fills
 * its report and goes on. */

#pragma once

#include "router/census.h"
#include "service/limiter.h"

struct fleet;
struct mailbox;

enum { FLEET_MOST = 256, FLEET_WHY = 128 };

/* What one worker says of itself. */
struct fleet_report {
    struct census census;
    size_t client_connections;
    struct limiter_figures limiter; /* its `why` is below */
    char limiter_why[FLEET_WHY];    /* terminated; empty: Redis answers, or is not used */
};

struct fleet_member {
    struct mailbox *mailbox;
    void (*report)(void *owner, struct fleet_report *ret); /* on the worker's thread */
    void *owner;
};

struct fleet_reports {
    struct fleet_report at[FLEET_MOST];
    size_t len;
};

/* NULL: out of memory. */
struct fleet *fleet_new(void);
/* All members have left. */
void fleet_free(struct fleet *f);
/* Any thread. -ENOSPC: there are FLEET_MOST. */
int fleet_join(struct fleet *f, const struct fleet_member *m);
/* Before its mailbox goes; a letter that is already in it will be opened. */
void fleet_leave(struct fleet *f, const void *owner);
/* Asks every worker and waits, in the yard, at most limit_ms: who has not answered by then is left
 * out. -ENOMEM. *ret is to be freed when OK. */
int fleet_ask(struct fleet *f, uint64_t limit_ms, struct fleet_reports **ret);
void fleet_reports_free(struct fleet_reports *r);
