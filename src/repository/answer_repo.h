/* answer_repo.h: answers that are kept where all instances find them, in Redis. Asynchronous, of a
 * worker's loop; with a connection of its own, so that nothing waits behind an answer's bytes.
 *
 * One key for each answer, "courier:answer:" and 64 hex digits, with a time to live. What the
 * bytes are is the service's affair. */

#pragma once

#include "store/redis.h"

struct answer_repo;

enum { ANSWER_KEY_LEN = 32 };

/* A question, embedded in its asker; zeroed at first. */
struct answer_call {
    /* done(op, rc): OK: value holds the bytes until done returns; -ENOENT: there is none;
     * -ETIMEDOUT, -ECONNRESET, -EREMOTEIO as in store/redis.h */
    struct op op;
    struct slice value;
    struct redis_call command; /* private */
};

struct answer_repo_options {
    struct secret url;      /* of Redis; copied */
    struct tls_client *tls; /* for rediss:// */
    size_t value_bytes;     /* the largest value */
};

/* -EINVAL: the URL; -EPROTO: rediss:// without a tls; -ENOMEM. */
int answer_repo_new(struct loop *loop, const struct answer_repo_options *options,
                    struct answer_repo **ret);
/* Forgets what is under way. NULL is harmless. */
void answer_repo_free(struct answer_repo *r);

/* key: ANSWER_KEY_LEN bytes. AGAIN: done follows, at the latest in deadline_ms. -ENOTCONN: Redis is
 * away; -EBUSY, -ENOMEM: nothing was sent. */
int answer_repo_get(struct answer_repo *r, struct answer_call *call, const unsigned char *key,
                    uint64_t deadline_ms);
/* done will not come. Harmless on one that ended. */
void answer_repo_cancel(struct answer_call *call);
/* OK: it is on its way, and nobody hears of it again. Errors as of answer_repo_get. */
int answer_repo_put(struct answer_repo *r, const unsigned char *key, struct slice value,
                    uint64_t ttl_ms);
