/* client_pool.h: the inside of the HTTP client: origins and who gets which connection; private.
 *
 *   client.c            the calls of client.h
 *   client_origin.c     the origins: table, addresses
 *   client_pool.c       leases: idle connections, new ones, the waiting line
 *   client_conn.c       a connection's life and states
 *   client_connect.c    a new connection until it stands
 *   client_exchange.c   a request and its answer on one that stands */

#pragma once

#include "http/client.h"
#include "io/resolve.h"

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

/* client.c: tells the end; the call is its owner's again. The last act of whoever calls it. */
void client_call_end(struct client_call *call, int rc);
