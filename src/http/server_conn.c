/* server_conn.c: one connection, from accept to close.
 *
 *   accept ──→ IDLE ──→ HEAD ──→ BODY ──→ ANSWER ──→ IDLE, or the next pipelined request
 *               │ └───────┴───────────────→ │ └────→ LINGER ──┐
 *               └──────────── any ──────────┴─────────────────┴──→ DEAD (freed at the turn's end)
 *
 *   IDLE   → HEAD    [conn_wait]    the first bytes came, the head is not whole; clock: head_ms
 *   HEAD   → BODY    [conn_wait]    the head is whole, the body is not; clock: body_ms of silence
 *   IDLE, HEAD, BODY → ANSWER
 *                    [conn_hand_on] the request is whole: on_request
 *                    [conn_reject]  it is none, or too slow: on_reject
 *   ANSWER → IDLE    [conn_finish]  the last byte is with the kernel: on_done; clock: idle_ms
 *   ANSWER → HEAD, BODY, ANSWER
 *                    [conn_next]    the same, and bytes of the next request had come already
 *   ANSWER → LINGER  [conn_linger]  answered, but the client may still be sending: its bytes are
 *                                   thrown away for a while, or closing would reset the connection
 *                                   before the client has read the answer
 *   any    → DEAD    [conn_close]   on_gone and on_done before it when a request was handed on
 *
 * While it answers, the connection goes on reading, to see the end of the stream; what it reads is
 * the beginning of pipelined requests: one piece of it is kept (up to the header limit), then
 * reading pauses and STREAM_GONE tells of the end. A client that ends its sending direction while a
 * request is in progress has left: the request is cancelled, as are requests pipelined behind it.
 * (A client that half-closes and still wants its answer cannot be told from one that is gone;
 * gateways before us and every SDK keep the direction open.)
 *
 * A connection without a request holds no request memory. One that has not sent a byte yet is IDLE
 * under head_ms; it is closed silently. */

#include "http/server_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* For so long and so many bytes a client that was refused may go on sending. */
enum { LINGER_MS = 5000, LINGER_BYTES = 64 << 20 };

static void conn_step(struct server_conn *c, enum request_step step);

/* The only place where a connection changes its state. */
static void conn_move(struct server_conn *c, enum conn_state state)
{
    struct server *s = c->server;

    list_remove(&c->node);
    s->counts[c->state]--;
    c->state = state;
    s->counts[state]++;
    list_add_tail(&s->conns[state], &c->node);
}

/* ---- the end of a connection ---- */

/* The parser is kept for the next request of any connection, unless there is one already. */
static void conn_give_parser(struct server_conn *c)
{
    if (c->server->parser)
        request_parser_free(c->parser);
    else
        c->server->parser = c->parser;
    c->parser = NULL;
}

/* Without a page the arena takes its memory itself. */
static void conn_begin_early(struct server_conn *c)
{
    struct pages *pages = &c->server->pages;

    c->page = pages_take(pages);
    if (c->page)
        arena_init_with(&c->request.early, 0, c->page, pages->size);
}

static void conn_free_early(struct server_conn *c)
{
    arena_clear(&c->request.early);
    if (c->page)
        pages_give(&c->server->pages, c->page);
    c->page = NULL;
}

/* `early` last: what the other arena gives back may still look at it. */
static void conn_free_request(struct server_conn *c)
{
    arena_clear(&c->request.arena);
    conn_free_early(c);
}

static void conn_close(struct server_conn *c)
{
    timer_stop(&c->timer);
    turn_end_cancel(&c->turn);
    /* a plain end would look like the end of the body, or keep the kernel busy with what waits */
    if ((c->answer.broken && c->answer.until_close) || c->out.len > 0)
        stream_abort(c->stream);
    else
        stream_close(c->stream);
    c->stream = NULL;
    out_queue_clear(&c->out);
    buf_free(&c->ahead);
    if (c->parser)
        conn_give_parser(c);
    conn_free_request(c);
    conn_move(c, CONN_DEAD);
    turn_end_queue(c->server->loop, &c->server->reaper);
}

/* The request is over: tells so and gives its memory back. */
static void conn_done(struct server_conn *c, bool delivered)
{
    const struct server_options *o = &c->server->options;

    o->events->on_done(o->owner, &c->request, delivered);
    conn_free_request(c);
}

/* The client left, or cannot be served any further. */
static void conn_leave(struct server_conn *c)
{
    const struct server_options *o = &c->server->options;
    struct answer *a = &c->answer;

    if (c->state == CONN_ANSWER) {
        a->gone = true;
        if (!a->ended && !a->broken)
            o->events->on_gone(o->owner, &c->request);
        conn_done(c, a->ended && !a->broken && c->out.len == 0);
    }
    conn_close(c);
}

void server_conn_drop(struct server_conn *c)
{
    conn_leave(c);
}

/* ---- watching and waiting ---- */

/* One piece of pipelined bytes is enough; the end of the stream is told to the deaf, too. */
static bool conn_is_deaf(const struct server_conn *c)
{
    return c->state == CONN_ANSWER && (c->ahead.len > 0 || c->answer.rejected);
}

void server_conn_watch(struct server_conn *c)
{
    stream_watch(c->stream, (conn_is_deaf(c) ? 0 : (unsigned)STREAM_READABLE) |
                                (c->out.len > 0 ? (unsigned)STREAM_WRITABLE : 0));
}

/* A connection without a deadline is none that we keep. */
static bool conn_set_deadline(struct server_conn *c, uint64_t ms)
{
    if (timer_set(&c->timer, ms) == OK)
        return true;
    conn_leave(c);
    return false;
}

void server_conn_wrote(struct server_conn *c, size_t n)
{
    c->request.bytes_out += n;
    if (c->state != CONN_ANSWER || c->out.len == 0)
        return;
    if (timer_set(&c->timer, c->server->options.limits.write_ms) < 0) {
        c->answer.gone = true;
        turn_end_queue(c->server->loop, &c->turn);
    }
}

static void conn_linger(struct server_conn *c)
{
    shutdown(stream_fd(c->stream), SHUT_WR);
    buf_free(&c->ahead);
    c->ahead_used = 0;
    c->linger_left = LINGER_BYTES;
    conn_move(c, CONN_LINGER);
    if (conn_set_deadline(c, LINGER_MS))
        server_conn_watch(c);
}

/* ---- reading a request ---- */

static bool conn_begin(struct server_conn *c)
{
    struct server *s = c->server;

    c->parser = s->parser ? s->parser : request_parser_new();
    s->parser = NULL;
    if (!c->parser)
        return false;
    c->request = (struct server_request){
        .conn = c,
        .started_us = clock_now_us(),
        .peer = slice_str(c->peer),
    };
    conn_begin_early(c);
    c->answer = (struct answer){0};
    c->minor = 1;
    c->keep_alive = true;
    request_parser_start(c->parser, &c->request.early, &s->request_limits);
    return true;
}

static enum request_step conn_feed(struct server_conn *c, struct slice bytes, size_t *ret_used)
{
    enum request_step step = request_parser_feed(c->parser, bytes, ret_used);

    c->request.bytes_in += *ret_used;
    return step;
}

static enum http_method conn_method(struct slice text)
{
    static const struct {
        struct slice text;
        enum http_method method;
    } known[] = {
        {SLICE_INIT("POST"),    HTTP_POST   },
        {SLICE_INIT("GET"),     HTTP_GET    },
        {SLICE_INIT("HEAD"),    HTTP_HEAD   },
        {SLICE_INIT("PUT"),     HTTP_PUT    },
        {SLICE_INIT("PATCH"),   HTTP_PATCH  },
        {SLICE_INIT("DELETE"),  HTTP_DELETE },
        {SLICE_INIT("OPTIONS"), HTTP_OPTIONS},
    };

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (slice_eq(text, known[i].text))
            return known[i].method;
    return HTTP_OTHER;
}

/* What the parser knows, which after a fault may be nothing. */
static void conn_fill_request(struct server_conn *c)
{
    const struct request_head *head = request_parser_head(c->parser);
    struct server_request *r = &c->request;

    r->method = HTTP_OTHER;
    if (!head)
        return;
    r->method = conn_method(head->method);
    r->method_text = head->method;
    r->target = head->target;
    r->path = head->path;
    r->query = head->query;
    r->headers = head->headers;
    r->body = request_parser_body(c->parser);
    r->body_bytes = r->body.len;
    c->minor = head->minor;
    c->keep_alive = head->keep_alive;
}

void server_request_forget(struct server_request *r)
{
    struct slice method = arena_copy(&r->arena, r->method_text);
    struct slice path = arena_copy(&r->arena, r->path);

    if (!method.at || !path.at)
        return;
    r->method_text = method;
    r->path = path;
    r->target = r->query = r->body = (struct slice){0};
    r->headers = (struct headers){0};
    conn_free_early(r->conn);
}

static void conn_hand_on(struct server_conn *c)
{
    const struct server_options *o = &c->server->options;

    conn_fill_request(c);
    conn_give_parser(c);
    conn_move(c, CONN_ANSWER);
    server_conn_watch(c);
    o->events->on_request(o->owner, &c->request);
}

static void conn_reject(struct server_conn *c, struct request_fault fault)
{
    const struct server_options *o = &c->server->options;

    conn_fill_request(c);
    c->request.body = (struct slice){0};
    conn_give_parser(c);
    conn_move(c, CONN_ANSWER);
    c->answer.rejected = true;
    c->keep_alive = false;
    server_conn_watch(c);
    o->events->on_reject(o->owner, &c->request, fault.status, fault.why);
    if (!c->answer.ended && !c->answer.gone)
        server_reply_abort(&c->request);
}

/* RFC 9110 section 10.1.1: unless the body is on its way already. */
static bool conn_continue(struct server_conn *c)
{
    struct slice answer = SLICE("HTTP/1.1 100 Continue\r\n\r\n");

    if (!request_parser_head(c->parser)->expects_continue || request_parser_body(c->parser).len > 0)
        return true;
    if (out_queue_add(&c->out, answer, false) < 0 || out_queue_send(&c->out, c->stream) < 0) {
        conn_leave(c);
        return false;
    }
    return true;
}

/* More bytes are needed. */
static void conn_wait(struct server_conn *c)
{
    const struct server_limits *limits = &c->server->options.limits;

    if (!request_parser_head(c->parser)) {
        if (c->state != CONN_HEAD) {
            conn_move(c, CONN_HEAD);
            if (!conn_set_deadline(c, limits->head_ms))
                return;
        }
    } else {
        if (c->state != CONN_BODY) {
            conn_move(c, CONN_BODY);
            if (!conn_continue(c))
                return;
        }
        if (!conn_set_deadline(c, limits->body_ms))
            return;
    }
    server_conn_watch(c);
}

static void conn_step(struct server_conn *c, enum request_step step)
{
    switch (step) {
    case REQUEST_MORE:
        conn_wait(c);
        break;
    case REQUEST_WHOLE:
        conn_hand_on(c);
        break;
    case REQUEST_BAD:
        conn_reject(c, request_parser_fault(c->parser));
        break;
    }
}

/* Bytes from the socket, in the loop's scratch: what is not of this request is kept. */
static void conn_on_bytes(struct server_conn *c, struct slice bytes)
{
    size_t used;

    if (!c->parser && !conn_begin(c)) {
        conn_leave(c);
        return;
    }
    enum request_step step = conn_feed(c, bytes, &used);
    if (step == REQUEST_WHOLE && used < bytes.len &&
        buf_add(&c->ahead, slice_sub(bytes, used, bytes.len)) < 0) {
        conn_leave(c);
        return;
    }
    conn_step(c, step);
}

/* The next pipelined request, out of what was kept. */
static void conn_next(struct server_conn *c)
{
    size_t used;

    conn_move(c, CONN_IDLE);
    if (!conn_begin(c)) {
        conn_leave(c);
        return;
    }
    enum request_step step =
        conn_feed(c, slice_sub(buf_slice(&c->ahead), c->ahead_used, c->ahead.len), &used);
    c->ahead_used += used;
    if (c->ahead_used == c->ahead.len) {
        buf_free(&c->ahead);
        c->ahead_used = 0;
    }
    conn_step(c, step);
}

/* ---- the end of an answer ---- */

static void conn_finish(struct server_conn *c)
{
    bool close = c->answer.close || !c->keep_alive;
    bool unread = c->answer.rejected || c->ahead.len > 0;

    conn_done(c, true);
    if (close || !c->server->listener) {
        if (unread)
            conn_linger(c);
        else
            conn_close(c);
    } else if (unread) {
        conn_next(c);
    } else {
        conn_move(c, CONN_IDLE);
        if (conn_set_deadline(c, c->server->options.limits.idle_ms))
            server_conn_watch(c);
    }
}

/* An answer ended, broke off, or could not be written: now, outside of the handler's call. */
static void conn_on_turn_end(struct turn_end *t)
{
    struct server_conn *c = container_of(t, struct server_conn, turn);

    if (c->answer.gone || c->answer.broken)
        conn_leave(c);
    else
        conn_finish(c);
}

/* ---- readiness ---- */

static void conn_on_writable(struct server_conn *c)
{
    const struct server_options *o = &c->server->options;
    ssize_t sent = out_queue_send(&c->out, c->stream);

    if (sent < 0) {
        conn_leave(c);
        return;
    }
    if (sent > 0)
        server_conn_wrote(c, (size_t)sent);
    if (c->out.len > 0)
        return;
    server_conn_watch(c);
    if (c->state != CONN_ANSWER || c->answer.gone || c->answer.broken)
        return;
    if (c->answer.ended) {
        turn_end_cancel(&c->turn);
        conn_finish(c);
    } else if (c->answer.wants_drained) {
        c->answer.wants_drained = false;
        o->events->on_drained(o->owner, &c->request);
    }
}

/* Straight into the body's buffer. */
static ssize_t conn_read_body(struct server_conn *c, char *room, size_t len)
{
    ssize_t n = stream_read(c->stream, room, len);

    if (n > 0) {
        c->request.bytes_in += (size_t)n;
        conn_step(c, request_parser_took(c->parser, (size_t)n));
    }
    return n;
}

static ssize_t conn_read_request(struct server_conn *c)
{
    size_t len;
    char *room = c->parser ? request_parser_room(c->parser, &len) : NULL;

    if (room)
        return conn_read_body(c, room, len);

    char *scratch = loop_scratch(c->server->loop);
    ssize_t n = stream_read(c->stream, scratch, c->server->read_bytes);
    if (n > 0)
        conn_on_bytes(c, slice_of(scratch, (size_t)n));
    return n;
}

/* Pipelined bytes are kept while a request is answered. */
static ssize_t conn_read_ahead(struct server_conn *c)
{
    char *scratch = loop_scratch(c->server->loop);

    if (conn_is_deaf(c))
        return -EAGAIN;
    ssize_t n = stream_read(c->stream, scratch, c->server->read_bytes);
    if (n <= 0)
        return n;
    if (buf_add(&c->ahead, slice_of(scratch, (size_t)n)) < 0)
        return -ENOMEM;
    server_conn_watch(c);
    return n;
}

/* Thrown away inside the kernel: MSG_TRUNC copies nothing (tcp(7)). */
static ssize_t conn_read_linger(struct server_conn *c)
{
    ssize_t n = recv(stream_fd(c->stream), NULL, c->linger_left, MSG_TRUNC);

    if (n < 0)
        return -errno;
    c->linger_left -= (uint32_t)n;
    return c->linger_left > 0 ? n : 0;
}

static void conn_on_readable(struct server_conn *c)
{
    ssize_t n;

    if (c->state == CONN_ANSWER)
        n = conn_read_ahead(c);
    else if (c->state == CONN_LINGER)
        n = conn_read_linger(c);
    else
        n = conn_read_request(c);
    if (n == 0 || (n < 0 && n != -EAGAIN))
        conn_leave(c);
}

static void conn_on_ready(void *owner, unsigned events)
{
    struct server_conn *c = owner;

    if (events & STREAM_WRITABLE)
        conn_on_writable(c);
    if (events & STREAM_READABLE && c->state != CONN_DEAD)
        conn_on_readable(c);
    if (events & STREAM_GONE && c->state != CONN_DEAD)
        conn_leave(c);
}

static void conn_on_timer(struct timer *t)
{
    struct server_conn *c = container_of(t, struct server_conn, timer);

    switch (c->state) {
    case CONN_IDLE:
    case CONN_LINGER:
        conn_close(c);
        break;
    case CONN_HEAD:
        conn_reject(c, (struct request_fault){408, "the request head took too long"});
        break;
    case CONN_BODY:
        conn_reject(c, (struct request_fault){408, "the request body took too long"});
        break;
    case CONN_ANSWER:
        if (c->out.len > 0)
            conn_leave(c);
        break;
    default:
        break;
    }
}

/* ---- the beginning ---- */

union peer_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* "127.0.0.1:4711", "[::1]:4711"; empty when the client has left already. */
static void conn_name_peer(struct server_conn *c, int fd)
{
    union peer_address peer = {.any.sa_family = AF_UNSPEC};
    socklen_t len = sizeof(peer);
    char host[INET6_ADDRSTRLEN];

    if (getpeername(fd, &peer.any, &len) < 0)
        return;
    unsigned port = ntohs(peer.v4.sin_port); /* at the same place in both */
    const unsigned char *v6 = peer.v6.sin6_addr.s6_addr;
    if (peer.any.sa_family == AF_INET)
        inet_ntop(AF_INET, &peer.v4.sin_addr, host, sizeof(host));
    else if (IN6_IS_ADDR_V4MAPPED(&peer.v6.sin6_addr)) /* IPv4 on a socket for both */
        inet_ntop(AF_INET, v6 + 12, host, sizeof(host));
    else
        inet_ntop(AF_INET6, v6, host, sizeof(host));
    snprintf(c->peer, sizeof(c->peer), strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
}

void server_conn_accept(struct server *s, int fd)
{
    struct server_conn *c = calloc(1, sizeof(*c));

    if (!c) {
        close(fd);
        return;
    }
    conn_name_peer(c, fd);
    c->stream = stream_new_take(s->loop, fd, conn_on_ready, c);
    if (!c->stream) {
        free(c);
        return;
    }
    c->server = s;
    timer_init(&c->timer, s->loop, conn_on_timer);
    turn_end_init(&c->turn, conn_on_turn_end);
    arena_init(&c->request.arena, 0);
    arena_init(&c->request.early, 0);
    out_queue_init(&c->out);
    buf_init(&c->ahead, s->read_bytes);
    list_add_tail(&s->conns[CONN_IDLE], &c->node);
    s->counts[CONN_IDLE]++;
    if (conn_set_deadline(c, s->options.limits.head_ms))
        server_conn_watch(c);
}
