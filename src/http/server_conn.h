/* server_conn.h: what the files of the server share; nobody else includes it. */

#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include "base/pages.h"
#include "http/out_queue.h"
#include "http/request_parser.h"
#include "http/server.h"
#include "io/listener.h"
#include "io/stream.h"

/* Drawn in server_conn.c. Each state is a list of the server. */
enum conn_state {
    CONN_IDLE,
    CONN_HEAD,
    CONN_BODY,
    CONN_ANSWER,
    CONN_LINGER,
    CONN_DEAD,
    CONN_STATES
};

struct server {
    struct loop *loop;
    struct listener *listener; /* NULL once draining */
    struct server_options options;
    struct request_limits request_limits;
    size_t read_bytes; /* most that one read takes while a head may be in it */
    struct list conns[CONN_STATES];
    size_t counts[CONN_STATES];
    struct turn_end reaper;        /* frees the dead */
    struct request_parser *parser; /* one to spare: most requests come whole and need it briefly */
    struct pages pages;            /* what the early arenas of requests begin with */
    char date[CLOCK_HTTP_DATE_LEN + 1];
    uint64_t date_until_ms; /* loop time at which `date` is old */
};

/* How far the answer is. */
struct answer {
    struct slice head; /* formatted and kept back for the first write; in the early arena */
    uint64_t left;     /* announced bytes that are still owed */
    bool started;      /* the head was given */
    bool chunked;
    bool bodiless;    /* HEAD, 204, 304: body bytes are swallowed */
    bool until_close; /* HTTP/1.0: the end of the connection is the end of the body */
    bool close;       /* no further request after this one */
    bool rejected;    /* the answer to bytes that were no request */
    bool ended;       /* all has been handed over; it may still wait in the queue */
    bool broken;      /* server_reply_abort, or out of memory in the middle */
    bool gone;        /* the client left */
    bool wants_drained;
};

enum { PEER_TEXT = 56 };

struct server_conn {
    struct list node;
    struct server *server;
    struct stream *stream;
    enum conn_state state;
    uint32_t linger_left; /* bytes that are still thrown away in LINGER */
    struct timer timer;   /* the state's deadline; means nothing in ANSWER while nothing waits */
    struct turn_end turn; /* ends an answer outside of the handler's call */
    struct request_parser *parser; /* while a request is being read */
    void *page;                    /* lent to the request's early arena, or NULL */
    struct server_request request;
    unsigned minor; /* of the request: HTTP/1.minor */
    bool keep_alive;
    struct answer answer;
    struct out_queue out;
    struct buf ahead; /* pipelined bytes, from ahead_used on; freed when all are used */
    size_t ahead_used;
    char peer[PEER_TEXT];
};

/* Takes the socket, also when it fails. */
void server_conn_accept(struct server *s, int fd);
/* The server ends: tells the owner what runs, and closes. The reaper frees. */
void server_conn_drop(struct server_conn *c);
/* Watches what the state and the queues ask for. */
void server_conn_watch(struct server_conn *c);
/* Counts written bytes and moves the write deadline while something waits. */
void server_conn_wrote(struct server_conn *c, size_t n);
