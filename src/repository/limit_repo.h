/* limit_repo.h: limits that many instances share, in Redis. The one repository of the road: it is
 * asynchronous and belongs to a worker's loop.
 *
 * A step is one script (lua/), carried out by Redis at once and by Redis' clock. All keys of one
 * API key share a hash tag, so they live on one node of a cluster, and all of them expire. */

#pragma once

#include "store/redis.h"

struct limit_repo;

enum { LIMIT_INSTANCE = 16, LIMIT_RENEW_MOST = 256 };

struct limit_repo_options {
    struct secret url;             /* of codec/redis_url.h; copied */
    struct tls_client *tls;        /* for rediss:// */
    char instance[LIMIT_INSTANCE]; /* this process' name, hex digits: no other instance has it */
    unsigned worker;               /* of the process */
    void (*on_state)(void *owner, bool up); /* as in store/redis.h */
    void *owner;
};

/* What to take. */
struct limit_ask {
    int64_t key_id;
    uint64_t rpm, tpm, concurrency; /* 0: no such limit */
    uint64_t tokens;                /* to reserve, at most tpm */
    uint64_t lease;                 /* the number of its place: one for each request under way */
    uint64_t lease_ms;              /* a place that is not renewed is free after it */
};

enum limit_refusal { LIMIT_TAKEN, LIMIT_REQUESTS, LIMIT_TOKENS, LIMIT_CONCURRENCY };

struct limit_answer {
    enum limit_refusal refused;
    uint64_t retry_after_ms;             /* refused: when it may succeed */
    uint64_t requests_left, requests_ms; /* ms: until none is used */
    uint64_t tokens_left, tokens_ms;
    uint64_t request_entry, token_entry; /* where it was counted, for the settlement */
};

/* What to give back. */
struct limit_settlement {
    int64_t key_id;
    uint64_t lease;         /* its place; harmless when it has none */
    uint64_t request_entry; /* take the request back too; 0: it counts */
    uint64_t token_entry;   /* 0: no tokens were reserved, or it is not known where */
    uint64_t reserved, used;
};

/* What lives on. */
struct limit_renewal {
    int64_t key_id;
    uint64_t lease_ms;
    size_t len; /* at most LIMIT_RENEW_MOST */
    uint64_t leases[LIMIT_RENEW_MOST];
};

/* One step under way, embedded in its owner. */
struct limit_call {
    /* done(op, rc): OK; -EREMOTEIO: Redis refused, and says in `why` for what reason; -ECONNRESET:
     * it may have been carried out; -ENOTCONN, -EBUSY, -ENOMEM: it was not */
    struct op op;
    struct limit_answer answer; /* of a take, when OK */
    uint64_t instances;         /* of limit_repo_announce, when OK */
    struct slice why;           /* lives until done returns */
    /* private from here */
    struct limit_repo *repo;
    struct redis_call command;
    unsigned script;
    union {
        struct limit_ask ask;
        struct limit_settlement settlement;
    } what;
};

/* -EINVAL: the URL; -EPROTO: rediss:// without a tls; -ENOMEM. */
int limit_repo_new(struct loop *loop, const struct limit_repo_options *options,
                   struct limit_repo **ret);
/* Forgets what is under way. NULL is harmless. */
void limit_repo_free(struct limit_repo *r);
bool limit_repo_is_up(const struct limit_repo *r);
/* As redis_why. */
const char *limit_repo_why(const struct limit_repo *r);

/* Each of these is AGAIN: done follows. -ENOTCONN: Redis is away; -EBUSY, -ENOMEM: nothing was
 * sent. What is asked for one after the other is done in that order. */

/* Whoever cannot wait until Redis answers or the connection is given up has a clock of its own. */
int limit_repo_take(struct limit_repo *r, struct limit_call *call, const struct limit_ask *ask);
int limit_repo_settle(struct limit_repo *r, struct limit_call *call,
                      const struct limit_settlement *what);
/* The leases of one key live. Those that Redis has lost stand again. */
int limit_repo_renew(struct limit_repo *r, struct limit_call *call,
                     const struct limit_renewal *what);
/* This process is there, for so long; counts those that are. */
int limit_repo_announce(struct limit_repo *r, struct limit_call *call, uint64_t lease_ms);
/* done will not come. Harmless on one that ended; one never begun must be zeroed. */
void limit_repo_cancel(struct limit_call *call);
