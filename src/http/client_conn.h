/* client_conn.h: the inside of the HTTP client: one connection; private. See client_conn.c. */

#pragma once

#include "http/answer_parser.h"
#include "http/client_pool.h"
#include "io/stream.h"

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

/* client_connect.c */

void client_conn_begin(struct client_conn *conn);
/* RESOLVING: conn->rc says how it went. */
void client_conn_resolved(struct client_conn *conn);
/* CONNECTING: the stream is ready for something. */
void client_conn_progress(struct client_conn *conn);

/* client_exchange.c */

/* Sends the request of conn->call, from where it stopped; once it is out, on_sent. */
void client_conn_send(struct client_conn *conn);
/* ACTIVE and DRAINING: reads, unless the call is paused. */
void client_conn_read(struct client_conn *conn);
/* There is more of the request to write. */
bool client_conn_is_sending(const struct client_conn *conn);

/* client_conn.c */

/* In state START, for this call. NULL: out of memory. */
struct client_conn *client_conn_new(struct client_origin *o, struct client_call *call);
/* IDLE or new: serves this call from now on. */
void client_conn_assign(struct client_conn *conn, struct client_call *call);
/* It is connected, or leased again: the request goes out. */
void client_conn_stands(struct client_conn *conn);
/* Watches what its state and its call need. */
void client_conn_watch(struct client_conn *conn);
/* The answer is whole. */
void client_conn_whole(struct client_conn *conn, bool reusable);
/* Ends the call with rc, or sends it again when the connection was stale. */
void client_conn_fail(struct client_conn *conn, int rc);
/* Its call has left: reads the rest of the answer away when that is worth it, else closes. */
void client_conn_drain(struct client_conn *conn);
/* Takes no notice of the call. */
void client_conn_close(struct client_conn *conn);
void client_conn_on_ready(void *owner, unsigned events); /* of its stream */
