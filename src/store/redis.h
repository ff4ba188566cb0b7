/* redis.h: one connection to Redis (or Valkey) on a loop, for commands of the road.
 *
 * Commands are pipelined: those of one turn leave with one write. Each has a deadline of its own;
 * one whose time is over, or that is cancelled, is forgotten at once and its late reply is thrown
 * away. The connection is made when the client is, and made anew by itself (after 100 ms at first,
 * then up to 5 s); while it does not stand, commands fail at once. Logs nothing. */

#pragma once

#include "base/secret.h"
#include "codec/resp.h"
#include "io/loop.h"

struct redis;
struct tls_client;

struct redis_limits {
    uint64_t connect_ms; /* name, TCP, TLS, AUTH and SELECT together */
    uint64_t silence_ms; /* no reply for so long while one is due: the connection is given up */
    size_t commands;     /* under way at once: more are refused with -EBUSY */
    size_t bytes;        /* of commands not yet sent (more: -EBUSY), and of one reply (more: the
                            connection is given up) */
};

/* Defaults for commands of the road. */
extern const struct redis_limits redis_limits_usual;

struct redis_options {
    struct secret url;      /* of codec/redis_url.h; copied */
    struct tls_client *tls; /* for rediss://; may be NULL for redis:// */
    struct redis_limits limits;
    /* The connection stands (up), or it was lost or could not be made: redis_why tells. Called at
     * each change and each failed attempt; within it commands may be given, redis_free not called.
     * NULL: nobody asks. */
    void (*on_state)(void *owner, bool up);
    void *owner;
};

/* One command under way, embedded in its owner. */
struct redis_call {
    /* done(op, rc), from the loop:
     *   OK           reply holds what Redis said, until done returns
     *   -EREMOTEIO   Redis refused (NOSCRIPT, LOADING, READONLY …): reply->values[0].text says why
     *   -ETIMEDOUT   no reply in time; Redis may carry it out or have done so
     *   -ECONNRESET  the connection was lost; the same
     * Within it commands may be given and cancelled. */
    struct op op;
    const struct resp_reply *reply;
    struct redis *redis; /* private from here; NULL: not under way */
    uint64_t place;
    struct timer deadline;
};

/* -EINVAL: the URL; -EPROTO: rediss:// without a tls; -ENOMEM. */
int redis_new(struct loop *loop, const struct redis_options *options, struct redis **ret);
/* Forgets what is under way without a word. Not from within done. NULL is harmless. */
void redis_free(struct redis *r);

/* Sends a command: its words, any bytes, copied. deadline_ms: from now; 0: none but the
 * connection's silence. AGAIN: done follows. -ENOTCONN: the connection does not stand; -EBUSY: too
 * much is under way; -EMSGSIZE: larger than limits.bytes; -ENOMEM. */
int redis_start(struct redis *r, struct redis_call *call, const struct slice *words, size_t n,
                uint64_t deadline_ms);
/* done will not come. Redis may carry the command out all the same. Harmless on one that ended; a
 * call that was never started must be zeroed. */
void redis_cancel(struct redis_call *call);

bool redis_is_up(const struct redis *r);
/* Why the connection does not stand, or was lost last: an errno's text or Redis' own words; no
 * secret. Empty: it never failed. */
const char *redis_why(const struct redis *r);
/* Commands under way, those forgotten included whose replies are still due. */
size_t redis_due(const struct redis *r);
