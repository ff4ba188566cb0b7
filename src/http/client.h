/* client.h: a pooled HTTP/1.1 client on one loop (RFC 9112), for any program.
 *
 * A call leases an idle connection of its origin or makes one, sends, and reports head, body and
 * end as they come. The pool keeps idle connections per origin and watches them, so a peer that
 * closed is known before the next use; a reused connection that still dies before the first byte of
 * an answer is replaced once by a fresh one and the request sent again, unseen by the caller. */

#pragma once

#include "codec/headers.h"
#include "io/loop.h"

struct client;
struct client_conn;
struct tls_client;

struct client_limits {
    uint64_t connect_ms;    /* name, TCP and TLS together: -ETIMEDOUT */
    uint64_t idle_ms;       /* an unused connection is closed after it */
    size_t idle_per_origin; /* more are closed when they come back */
    size_t per_origin;      /* open at once; further calls wait in line, up to `waiting` */
    size_t waiting;         /* calls in line per origin; more: -EBUSY */
    size_t header_bytes;    /* an answer's head: -EMSGSIZE */
};

struct client_options {
    struct client_limits limits;
    struct tls_client *tls; /* shared by all loops */
};

/* Where a call goes. Immutable; must live as long as calls to it run. */
struct origin {
    struct slice key;  /* "https://host:port": the pool's key */
    uint64_t hash;     /* slice_hash(key) */
    struct slice host; /* NUL-terminated behind its end */
    uint16_t port;
    bool tls;
};

struct client_request {
    const struct origin *origin;
    struct slice method;
    struct slice target;          /* path and query */
    const struct header *headers; /* host included; content-length is added */
    size_t headers_len;
    const struct slice *body; /* spans; valid as long as the request (they may be sent twice) */
    size_t body_len;
};

struct client_head {
    int status;
    struct headers headers; /* valid until on_end or client_drop_head */
    int64_t content_length; /* -1: not announced */
    bool request_sent;      /* to its last byte: nothing of it is looked at any more */
};

/* How a call ended. */
enum client_phase { CLIENT_CONNECTING, CLIENT_SENDING, CLIENT_WAITING, CLIENT_BODY };

struct client_call;

/* Within any of them client_cancel may be called. None comes within client_start. */
struct client_events {
    /* The request has been written, to the last byte, to a connection that stands. May come again
     * when the request had to be sent anew. */
    void (*on_sent)(struct client_call *c);
    void (*on_head)(struct client_call *c, const struct client_head *head);
    /* Bytes of the body, framing removed; they live during the call only. */
    void (*on_body)(struct client_call *c, struct slice bytes);
    /* The end, once. OK: the body is whole by its framing. Else -errno: -ECONNREFUSED,
     * -EHOSTUNREACH, -ETIMEDOUT (connecting), -EPROTO (TLS, or not HTTP), -EKEYREJECTED
     * (certificate), -ECONNRESET (closed before the end of the body or before the head), -EMSGSIZE
     * (head). phase says where it was. */
    void (*on_end)(struct client_call *c, int rc);
};

/* Embedded in its owner. The caller sets events; the rest is the client's. */
struct client_call {
    const struct client_events *events;
    struct client *client;
    const struct client_request *request; /* must live until on_head with request_sent, or on_end */
    struct client_conn *conn;             /* while leased */
    struct list node;                     /* in line for a connection */
    enum client_phase phase;
    bool reused;   /* on a connection that had served before */
    bool unframed; /* the body ended with the connection, no length and no chunks: cannot be told
                      from a cut */
    bool paused;
    char *into; /* client_body_into */
    size_t into_len;
};

struct client *client_new(struct loop *loop, const struct client_options *options);
/* Ends what runs (no events) and frees. */
void client_free(struct client *c);

/* AGAIN: events follow. -ENOMEM, -EBUSY, -EINVAL (a name or value that cannot stand in a head; TLS
 * without a context): none does. 1xx answers are skipped. */
int client_start(struct client *c, struct client_call *call, const struct client_request *request);
/* Gives the call up: its connection is closed at once when bytes of an answer are unread. No event
 * comes after it. Harmless on a call that ended. */
void client_cancel(struct client_call *call);
/* The caller has all it wants of a good answer and asks for no more events; *call may go at once.
 * The rest of the body (a last chunk on its way) is read and thrown away within small limits of
 * time and size, and the connection serves again; else it is closed. Harmless on a call that ended.
 */
void client_leave(struct client_call *call);
/* Gives the head's memory back before on_end. Harmless on a call that ended. */
void client_drop_head(struct client_call *call);
/* Stops and resumes reading of the body: backpressure. What was read already (64 KB at most) is
 * still told of, the end too. */
void client_pause(struct client_call *call);
void client_resume(struct client_call *call);
/* Within on_head, when content_length is known: the body's bytes go straight to `at`
 * (content_length bytes, owned by the caller, until on_end) instead of through the loop's scratch;
 * on_body still tells of each piece, at its place. */
void client_body_into(struct client_call *call, char *at, size_t len);
/* What is open to one origin, and who waits for it. */
struct client_figures {
    uint64_t hash; /* of the origin */
    size_t open, idle, waiting;
};
void client_each_origin(const struct client *c, void (*tell)(void *, const struct client_figures *),
                        void *owner);
/* Connections open and idle, over all origins. */
size_t client_open(const struct client *c);
size_t client_idle(const struct client *c);
