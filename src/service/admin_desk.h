/* admin_desk.h: where the workers' administrative work is done: some threads of the yard, each with
 * a connection to the store of its own, so that no request ever waits for the database on the road.
 *
 * The line in front of the desk is bounded, and nobody stands in it for longer than some seconds:
 * what could not begin by then fails with -ETIMEDOUT. Those who are no administrators have half of
 * the line and leave one thread free: however much they ask, a key can be revoked. */

#pragma once

#include "io/mailbox.h"
#include "service/key_admin.h"

struct admin_desk;
struct snapshot_keeper;

struct admin_job {
    /* On a thread of the desk, with an open connection. */
    int (*work)(struct admin_job *job, struct admin *a);
    /* On the worker, exactly once, with what work returned; or -ETIMEDOUT, or why the store could
     * not be opened. The job is the asker's again. */
    void (*done)(struct admin_job *job, int rc);
    struct mailbox *mailbox; /* the worker's */
    bool guest;              /* no administrator asks */

    /* the desk's own */
    struct mail mail;
    struct list node;
    uint64_t deadline_ms;
    int rc;
};

struct admin_desk_options {
    struct admin_options admin; /* the store has been migrated */
    unsigned threads;
    size_t waiting; /* jobs in the line */
    uint64_t wait_ms;
    struct snapshot_keeper *keeper; /* a change is told when it is served; NULL: at once */
};

/* The store may be away: it is opened when there is work. */
int admin_desk_start(const struct admin_desk_options *options, struct admin_desk **ret);
/* AGAIN: done will come. -EBUSY: the line is full. Any worker. */
int admin_desk_submit(struct admin_desk *d, struct admin_job *job);
/* A worker ends: what it has in the line is done with -ECANCELED before this returns, what is being
 * worked on has been posted. On the worker's thread; its mailbox is freed after it. */
void admin_desk_leave(struct admin_desk *d, struct mailbox *mailbox);
/* All workers have left. NULL is harmless. */
void admin_desk_stop(struct admin_desk *d);
