/* client_private.h: the inside of the HTTP client, for its own files.
 *
 *   client.c          the calls of client.h
 *   client_origin.c   the origins: table, addresses
 *   client_pool.c     who gets which connection: idle ones, new ones, the waiting line
 *   client_connect.c  a new connection until it stands
 *   client_conn.c     a standing connection: send, read, end
 *
 * A connection:
 *
 *   START → RESOLVING → CONNECTING ─┐             ┌──── DRAINING ───┐
 *     └────────────────────↑        ├→ ACTIVE ────┴─────────────────┼→ IDLE → READY → ACTIVE …
 *                                   │                               │
 *                       any of them └───────────────────────────────┴→ CLOSED
 *
 *   START      → RESOLVING   [client_conn_begin]     the origin's addresses are not known
 *   START      → CONNECTING  [client_conn_dial]
 *   CONNECTING → CONNECTING  [client_conn_dial]      this address refused: the next one
 *   CONNECTING → ACTIVE      [client_conn_stands]    the request goes out
 *   IDLE       → READY       [client_pool_lease]     the request goes out at the end of the turn
 *   ACTIVE     → IDLE        [client_conn_whole]     the answer is whole and the peer keeps alive
 *   ACTIVE     → DRAINING    [client_conn_drain]     its call has left
 *   any        → CLOSED      [client_conn_close]     freed when no function of it is running
 *
 * Events may cancel the call, start others, or free the client; so each function that tells one
 * either does nothing behind it or looks first whether the connection still serves the call. */

#pragma once

#include "http/answer_parser.h"
#include "http/client.h"
#include "io/resolve.h"
#include "io/stream.h"

enum {
    CLIENT_BUCKETS = 64,
    CLIENT_ORIGINS = 256, /* more: those without connections are forgotten */
};

struct client {
    struct loop *loop;
    struct client_options options;
    struct list origins[CLIENT_BUCKETS];
    size_t origins_len;
    size_t open, idle;
};

struct client_origin {
    struct list node; /* in a bucket of client.origins */
    struct client *client;
    uint64_t hash;
    uint16_t port;
    bool tls;
    size_t key_len;
    char *host; /* NUL-terminated, behind key */

    struct list conns; /* all that are not idle */
    struct list idle;  /* used last first */
    struct list line;  /* calls that wait for a connection, first come first */
    size_t open, idle_len, line_len;
    struct turn_end serve_line;

    struct resolve resolve;
    bool resolving;
    union address addresses[RESOLVE_MAX];
    size_t addresses_len;
    size_t rotation;     /* where the next connection begins */
    uint64_t expires_ms; /* when the addresses are asked for anew */

    char key[];
};

enum client_conn_state {
    CONN_START,
    CONN_RESOLVING,
    CONN_CONNECTING,
    CONN_READY,
    CONN_ACTIVE,
    CONN_DRAINING,
    CONN_IDLE,
    CONN_CLOSED,
};

struct client_conn {
    struct client *client;
    struct client_origin *origin;
    struct client_call *call; /* NULL: idle, draining, closed */
    struct stream *stream;    /* NULL until connecting */
    struct list node;         /* in origin.conns or origin.idle */
    struct timer timer;       /* connecting, draining, idle; while ACTIVE it is left to run out */
    struct turn_end turn;
    struct answer_parser parser;
    uint64_t total;   /* bytes of the request */
    uint64_t sent;    /* of them handed to the kernel */
    size_t into_len;  /* bytes put to call.into */
    uint32_t drained; /* bytes thrown away */
    int rc;           /* RESOLVING: what came of it */
    uint8_t state;    /* enum client_conn_state */
    uint8_t first;    /* of the addresses: the one tried first */
    uint8_t tried;    /* addresses tried */
    bool served;      /* an answer came whole before */
    bool answered;    /* a byte of this answer came */
    bool unsendable;  /* writing failed: what the peer said before is read */
    bool running;     /* a function of it is on the stack */
};

/* client_origin.c */
struct client_origin *client_origin_get(struct client *c, const struct origin *to); /* or NULL */
struct client_origin *client_origin_find(struct client *c, const struct origin *to);
void client_origin_free(struct client_origin *o);
/* OK: there are addresses; AGAIN: the origin's RESOLVING connections are told; -errno. */
int client_origin_resolve(struct client_origin *o);
/* None of the addresses would do: they are asked for anew next time. */
void client_origin_doubt(struct client_origin *o);

/* client_pool.c */
/* AGAIN, -ENOMEM, -EBUSY. */
int client_pool_lease(struct client_origin *o, struct client_call *call);
/* A connection that serves no call any more but could. */
void client_pool_put(struct client_conn *conn);
/* A connection was closed: one that waits may have a new one. */
void client_pool_closed(struct client_origin *o);
/* The call goes out again, on a new connection. -ENOMEM. */
int client_pool_replace(struct client_origin *o, struct client_call *call);
void client_pool_serve_line(struct turn_end *t);
void client_pool_leave_line(struct client_origin *o, struct client_call *call);

/* client_connect.c */
/* In state START, for this call. NULL: out of memory. */
struct client_conn *client_conn_new(struct client_origin *o, struct client_call *call);
void client_conn_begin(struct client_conn *conn);
/* RESOLVING: conn->rc says how it went. */
void client_conn_resolved(struct client_conn *conn);
/* CONNECTING: the stream is ready for something. */
void client_conn_progress(struct client_conn *conn);

/* client_conn.c */
/* IDLE or new: serves this call from now on. */
void client_conn_assign(struct client_conn *conn, struct client_call *call);
/* Sends the request. */
void client_conn_stands(struct client_conn *conn);
/* Ends the call with rc, or sends it again when the connection was stale. */
void client_conn_fail(struct client_conn *conn, int rc);
/* Takes no notice of the call. */
void client_conn_close(struct client_conn *conn);
/* Its call has left: reads the rest of the answer away when that is worth it, else closes. */
void client_conn_drain(struct client_conn *conn);
/* The loop's callbacks of every connection. */
void client_conn_on_ready(void *owner, unsigned events);
void client_conn_on_timer(struct timer *t);
void client_conn_on_turn(struct turn_end *t);
void client_conn_watch(struct client_conn *conn);

/* client.c: tells the end; the call is its owner's again. The last act of whoever calls it. */
void client_call_end(struct client_call *call, int rc);
