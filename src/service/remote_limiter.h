/* remote_limiter.h: the limiter in Redis, as seen by one worker; private to the limiter. */

#pragma once

#include "repository/limit_repo.h"
#include "service/limiter.h"
#include "service/remote_places.h"

struct remote_limiter {
    struct loop *loop;
    struct quota *quota;
    struct limit_repo *repo;
    struct limiter_policy policy;
    struct limiter_outage *outage;
    struct limiter_figures figures;
    uint64_t next_place;

    struct list takes; /* struct remote_take: Redis has not answered */
    struct list steps; /* struct remote_step: on their way to Redis */
    struct list owed;  /* struct remote_step: settlements that Redis could not be told */
    struct remote_places places;
    struct timer tick; /* renews, and looks after what is owed */

    /* remote_circuit.c */
    unsigned failures, good; /* in a row */
    bool open;               /* Redis is not asked */
    uint64_t in_vain_ms;     /* when a request waited in vain last */
    bool was_reached;        /* as the outage knows */
    struct limit_call probe;
    bool probing;
    int64_t probe_key; /* that it is for; 0: of nobody */
    uint64_t probe_ms; /* when it went out */
    struct timer probe_timer;
    char why[128]; /* Redis' own words when it refused last */
};

/* What one request waits for, or Redis still owes an answer to. */
struct remote_take {
    struct limit_call call;
    struct remote_limiter *limiter;
    struct limiter_take *take; /* NULL: it has ended; then used or undone tells how */
    struct list node;
    struct timer deadline; /* set: the request waits */
    uint64_t used;
    bool undone;
};

int remote_limiter_new(const struct limiter_options *options, struct remote_limiter **ret);
void remote_limiter_free(struct remote_limiter *r);
int remote_limiter_take(struct remote_limiter *r, struct limiter_take *t, const struct principal *p,
                        uint64_t tokens);
void remote_limiter_settle(struct remote_limiter *r, struct limiter_take *t, uint64_t tokens);
void remote_limiter_undo(struct remote_limiter *r, struct limiter_take *t);

/* --- remote_steps.c: what is told to Redis and nobody waits for --- */

void remote_tell_settlement(struct remote_limiter *r, const struct limit_settlement *what);
/* Redis may know of a place that nobody holds. */
void remote_owe_place(struct remote_limiter *r, int64_t key_id, uint64_t place);
/* Tells what is owed, renews the places of what runs, counts the instances. */
void remote_tick(struct timer *t);
void remote_tell_owed(struct remote_limiter *r);
void remote_announce(struct remote_limiter *r);
void remote_free_steps(struct remote_limiter *r);

/* --- remote_circuit.c: whether Redis is worth asking --- */

void remote_circuit_init(struct remote_limiter *r);
bool remote_is_reached(const struct remote_limiter *r);
/* The same, and no request has waited in vain in this turn: one that takes twice (for its key and
 * for a model) does not wait twice. */
bool remote_is_worth_asking(const struct remote_limiter *r);
/* Why not; no secret. */
const char *remote_why(const struct remote_limiter *r);
/* The connection stands or does not. */
void remote_on_state(void *owner, bool up);
void remote_succeeded(struct remote_limiter *r);
/* A request had no answer in time. */
void remote_timed_out(struct remote_limiter *r);
/* -EREMOTEIO: Redis would not decide about the key, and said so. */
void remote_refused(struct remote_limiter *r, int64_t key_id, struct slice why);
