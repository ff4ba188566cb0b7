/* server.h: an HTTP/1.1 server on one loop (RFC 9112), for any program.
 *
 * A request is handed on when it is whole: head and body. While it is being answered the connection
 * is still watched, so a client that leaves is known at once. Pipelined requests are answered in
 * order, one at a time; what arrives meanwhile is kept up to the header limit, then reading pauses.
 *
 * A slow or hostile client costs a bounded amount: see struct server_limits. */

#pragma once

#include "codec/headers.h"
#include "io/loop.h"

struct server;
struct server_conn;

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_OTHER
};

struct server_limits {
    size_t header_bytes; /* request line and fields together: 431 (414 for the line) */
    uint64_t body_bytes; /* 413, before the body is read when it is announced */
    uint64_t head_ms;    /* from the first byte (or accept) to the end of the head: 408 */
    uint64_t body_ms;    /* the longest silence within a body: 408 */
    uint64_t idle_ms;    /* keep-alive without a request: closed */
    uint64_t write_ms;   /* a client that takes no byte of its answer for so long is gone */
    size_t connections;  /* more are accepted and closed at once */
    size_t write_bytes;  /* copied and waiting for a slow client before writes say AGAIN */
};

/* One request. Lives in its own arena from its first byte until on_done has returned. What is
 * needed only until the answer has begun lies in `early`, which may be given back before: a stream
 * then holds neither the request's bytes nor what was made of them. */
struct server_request {
    struct server_conn *conn;
    struct arena arena;
    struct arena early; /* head and body as they came; see server_request_forget */
    enum http_method method;
    struct slice method_text;
    struct slice target;      /* as sent */
    struct slice path, query; /* of the target; absolute-form is reduced to its path */
    struct headers headers;
    struct slice body;   /* whole, contiguous */
    uint64_t body_bytes; /* its length, also when it is forgotten */
    uint64_t started_us; /* clock_now_us when the first byte was seen */
    uint64_t bytes_in;   /* head and body, as received */
    uint64_t bytes_out;  /* handed to the kernel so far */
    struct slice peer;   /* "127.0.0.1:4711" */
    void *user;          /* the handler's */
};

/* What the server tells its owner. Any of them may call the reply functions and server_drain, but
 * not server_close. */
struct server_events {
    /* A whole request. It must end in server_reply_end or server_reply_abort, now or later. */
    void (*on_request)(void *owner, struct server_request *r);
    /* The bytes were no acceptable request: answer with this status (400, 408, 413, 414, 417, 431,
     * 501, 503 when out of memory, 505) now, within the call; the connection closes after the
     * answer. Members of *r may be empty. why: literal, fit for the answer. on_done follows. */
    void (*on_reject)(void *owner, struct server_request *r, int status, const char *why);
    /* The client left (FIN, RST, write stall) before server_reply_end. Nothing can be written any
     * more; on_done follows at once. */
    void (*on_gone)(void *owner, struct server_request *r);
    /* After a write that said AGAIN: all is out, there is room again. */
    void (*on_drained)(void *owner, struct server_request *r);
    /* The end, exactly once for each request that was handed on or rejected: delivered says whether
     * the last byte was handed to the kernel. The arena is cleared right after it returns. */
    void (*on_done)(void *owner, struct server_request *r, bool delivered);
};

struct server_options {
    struct slice listen; /* as in io/listener.h */
    bool reuse_port;
    struct server_limits limits;
    const struct server_events *events;
    void *owner;
};

/* Listens. -EADDRINUSE, -EINVAL … */
int server_open(struct loop *loop, const struct server_options *options, struct server **ret);
uint16_t server_port(const struct server *s);
/* Requests being read or answered, and open connections. */
size_t server_requests(const struct server *s);
size_t server_connections(const struct server *s);
/* Calls fn for each request whose answer has not ended; fn may answer it. Not within an event. */
void server_each_request(struct server *s, void (*fn)(struct server_request *r));
/* Stops accepting and closes idle connections; running requests go on, and their answers say
 * "connection: close". */
void server_drain(struct server *s);
/* Closes all connections (on_gone, on_done come for what runs) and frees. */
void server_close(struct server *s);

/* Gives `early` back before the end, once the first bytes of the answer were written: target,
 * query, headers and body are empty after it. Without memory to keep method_text and path it does
 * nothing. */
void server_request_forget(struct server_request *r);

/* How long the spans of a write stay valid. */
enum span_life {
    SPANS_NOW,     /* only during the call: what the socket does not take is copied */
    SPANS_REQUEST, /* until on_done (request arena, literals): never copied */
};

enum { SERVER_CHUNKED = -1 };

/* Starts the answer. Kept back and sent together with the first write or the end (one writev).
 * headers: content-length, transfer-encoding, connection and date are the server's to add.
 * content_length: bytes, or SERVER_CHUNKED (HTTP/1.0 clients get a body that ends with the
 * connection). Copies what it needs. -ENOMEM, -EPIPE (gone), -EINVAL (a field with controls in it,
 * or a second head). */
int server_reply_head(struct server_request *r, int status, const struct header *headers, size_t n,
                      int64_t content_length);
/* Body bytes, n <= 48 spans, one chunk. OK; AGAIN: taken, but stop until on_drained; -EPIPE: the
 * client is gone (on_gone comes or came) or the answer is over; -ENOMEM, -EINVAL (more bytes than
 * were announced): broken off as by server_reply_abort. Without bytes it sends the head that was
 * kept back, never a zero-length chunk. */
int server_reply_write(struct server_request *r, const struct slice *spans, size_t n,
                       enum span_life life);
/* The last bytes and the end in one go: spans may be empty. on_done follows, never within the
 * call. Errors as in server_reply_write; missing bytes are -EINVAL, too. */
int server_reply_end(struct server_request *r, const struct slice *spans, size_t n,
                     enum span_life life);
/* Breaks the connection off without the end of the body, so that the client sees that the answer is
 * not whole. on_done (not delivered) follows, never within the call. */
void server_reply_abort(struct server_request *r);
