/* redis_link.h: the inside of the Redis client; private. See redis.c and redis_connect.c. */

#pragma once

#include "io/resolve.h"
#include "io/stream.h"
#include "store/redis.h"
#include "codec/redis_url.h"

enum redis_state {
    REDIS_DOWN, /* waits for its next attempt */
    REDIS_RESOLVING,
    REDIS_CONNECTING,
    REDIS_GREETING, /* AUTH, SELECT and PING are under way */
    REDIS_UP,
};

enum { REDIS_WHY = 160 };

struct redis {
    struct loop *loop;
    struct redis_options options;
    enum redis_state state;
    char why[REDIS_WHY];

    /* where, and as whom */
    char *words; /* holds the following, decoded, and ends host with NUL */
    size_t words_len;
    struct slice host, user;
    struct secret password;
    bool tls, has_user, has_password;
    uint16_t port;
    unsigned db;

    /* redis_connect.c */
    struct stream *stream;
    struct resolve resolve;
    size_t tried;       /* of the addresses */
    struct timer timer; /* DOWN: the next attempt; UP: silence; else the end of this attempt */
    uint64_t pause_ms;  /* before the next attempt, without jitter */
    size_t greetings;   /* replies to come until it is UP */

    /* redis.c: who waits for which reply; the first is at first % limits.commands */
    struct redis_call **line; /* NULL: forgotten */
    uint64_t first, next;
    struct buf out;
    size_t sent; /* of out */
    struct turn_end turn;
    char *in;
    size_t in_len, in_cap;
    struct resp_reply reply; /* the one being told */
};

/* redis.c */

/* Writes what is gathered; loses the connection when that fails. */
void redis_flush(struct redis *r);
/* Reads and tells what came; loses the connection when that fails. */
void redis_read(struct redis *r);
/* Nothing of the old connection is left; those who wait are told -ECONNRESET. */
void redis_drop_line(struct redis *r);

/* redis_connect.c */

/* The timer's; from then on it is always set, so that moving it cannot fail. */
void redis_on_timer(struct timer *t);
/* GREETING: a reply came. */
void redis_greeted(struct redis *r);
/* Ends the connection or the attempt; the next one follows. why NULL: rc tells. */
void redis_lose(struct redis *r, int rc, struct slice why);
/* Closes without an event. */
void redis_disconnect(struct redis *r);
