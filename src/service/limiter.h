/* limiter.h: may this request go on? One worker's answer.
 *
 * Two limiters stand behind it: the memory limiter (quota.h), exact for one instance, and Redis
 * (repository/limit_repo.h), exact for all that share it. With Redis the memory limiter counts
 * along, so that it knows what this instance has let in when Redis does not answer in time; what
 * then happens is a setting. */

#pragma once

#include "base/list.h"
#include "base/secret.h"
#include "io/loop.h"
#include "service/quota.h"

#include <stdatomic.h>

struct limiter;
struct remote_take;
struct tls_client;

/* What holds while Redis does not answer. */
enum limiter_failure {
    LIMITER_LOCAL,  /* the memory limiter, with this instance's share of the limits */
    LIMITER_OPEN,   /* everything may go on */
    LIMITER_CLOSED, /* nothing may */
};

/* May change while it runs. */
struct limiter_policy {
    enum limiter_failure on_failure;
    uint64_t timeout_ms; /* a request waits so long for Redis */
    uint64_t lease_ms;   /* the place of a request whose instance died is free after it */
    uint64_t instances;  /* that share the limits while Redis is away; 0: as many as it knew last */
};

/* What the workers of a process share, so that an outage is told once; zeroed at first. */
struct limiter_outage {
    unsigned workers;
    atomic_uint reached; /* workers for which Redis answers */
    atomic_bool told;
};

enum { LIMITER_INSTANCE = 16 };

struct limiter_options {
    struct loop *loop;
    struct quota *quota;             /* of the process */
    struct secret redis;             /* URL; empty: the memory limiter alone; copied */
    struct tls_client *tls;          /* for rediss:// */
    char instance[LIMITER_INSTANCE]; /* of the process: random hex digits */
    unsigned worker;
    struct limiter_outage *outage;
    struct limiter_policy policy;
};

/* What one request takes, in its own memory until it has ended; zeroed at first. */
struct limiter_take {
    struct op op;                 /* done(op, rc): as limiter_take returns */
    struct quota_verdict verdict; /* when OK */
    /* private from here */
    struct quota_lease lease;   /* of the memory limiter */
    struct remote_take *remote; /* Redis has not answered yet; NULL: it has, or was not asked */
    struct list node;           /* with a place: among those to renew */
    int64_t key_id;
    uint64_t place;                 /* the number of its lease; 0: none */
    uint64_t reserved, token_entry; /* tokens, and where Redis counts them */
    uint64_t request_entry;         /* where it counts the request */
    bool held;                      /* by Redis */
};

/* What has come of it so far; on the worker's thread. */
struct limiter_figures {
    bool shared;     /* Redis counts */
    bool reached;    /* Redis answers, in time */
    const char *why; /* it does not: its own words or an errno's; lives until the next turn */
    uint64_t by_redis, by_local, by_open, by_closed; /* decisions */
    uint64_t timeouts, refusals; /* Redis was late; it refused to decide (LOADING, READONLY …) */
    uint64_t unsettled;          /* settlements that wait for Redis to come back */
    uint64_t forgotten;          /* settlements given up; their places are free after a lease */
    uint64_t instances;          /* that Redis knew last; 0: never asked */
};

/* -EINVAL: the URL; -EPROTO: rediss:// without a tls; -ENOMEM. */
int limiter_new(const struct limiter_options *options, struct limiter **ret);
/* Takes that were not settled are Redis' to forget. NULL is harmless. */
void limiter_free(struct limiter *l);
void limiter_set_policy(struct limiter *l, const struct limiter_policy *policy);
void limiter_figures(const struct limiter *l, struct limiter_figures *ret);
/* Nothing is on its way to Redis that it would take. */
bool limiter_is_quiet(const struct limiter *l);

/* Checks every limit of p before it adds to any. OK: t->verdict tells; AGAIN: op.done follows with
 * the same; -ENOTCONN: Redis does not answer, and nothing may go on without it; -ENOMEM. Where
 * nothing was refused limiter_settle must follow. */
int limiter_take(struct limiter *l, struct limiter_take *t, const struct principal *p,
                 uint64_t tokens);
/* There is something to settle. */
static inline bool limiter_holds(const struct limiter_take *t)
{
    return t->lease.held || t->held || t->remote;
}
/* The tokens that were reserved. */
static inline uint64_t limiter_reserved(const struct limiter_take *t)
{
    return t->held ? t->reserved : t->lease.tokens;
}
/* The request has ended, however: gives its place back and corrects the tokens to what was used. A
 * take that still waits is undone, and op.done will not come. Idempotent. */
void limiter_settle(struct limiter *l, struct limiter_take *t, uint64_t tokens);
/* The same, as if it had never been taken: another limit refused the request. */
void limiter_undo(struct limiter *l, struct limiter_take *t);
