/* server_rig.h: a server on a loop and clients made of plain sockets, all on one thread.
 *
 * run_until spins the loop: at the end of each turn it moves the clients' bytes and asks whether
 * what the test waits for has come. So no test sleeps, and a failing allocation can be placed
 * anywhere. */

#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include "http/server.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* One client connection. */
struct peer {
    int fd;
    struct buf in;    /* received */
    struct slice out; /* to be sent */
    size_t reads;     /* most bytes to receive; for clients that stop reading */
    bool ended;       /* FIN seen */
    bool reset;       /* RST seen */
};

struct rig {
    struct loop *loop;
    struct server *server;
    struct peer *peers[8];
    size_t peers_len;
    struct turn_end turn;
    bool (*until)(struct rig *r);
    uint64_t give_up_ms;
    bool came;

    struct server_request *last; /* held request */
    size_t requests, rejects, gone, drained, done, delivered;
    int last_status; /* of on_reject */
    size_t expected; /* what until_* compares with */
};

static inline void peer_pump(struct peer *p)
{
    char piece[65536];

    while (p->out.len > 0) {
        ssize_t n = send(p->fd, p->out.at, p->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n <= 0)
            break;
        p->out = slice_sub(p->out, (size_t)n, p->out.len);
    }
    while (!p->ended && !p->reset && p->in.len < p->reads) {
        size_t most = MIN(sizeof(piece), p->reads - p->in.len);
        ssize_t n = recv(p->fd, piece, most, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            break;
        p->ended = n == 0;
        p->reset = n < 0;
        if (n > 0)
            assert_int_equal(buf_add(&p->in, slice_of(piece, (size_t)n)), 0);
    }
}

static inline void rig_on_turn(struct turn_end *t)
{
    struct rig *r = container_of(t, struct rig, turn);

    for (size_t i = 0; i < r->peers_len; i++)
        peer_pump(r->peers[i]);
    r->came = r->until(r);
    if (r->came || clock_now_ms() > r->give_up_ms)
        loop_stop(r->loop);
    else
        turn_end_queue(r->loop, t);
}

static inline void run_until(struct rig *r, bool (*until)(struct rig *r))
{
    r->until = until;
    r->give_up_ms = clock_now_ms() + 60000;
    turn_end_queue(r->loop, &r->turn);
    loop_run(r->loop);
    if (!r->came)
        fail_msg("gave up: requests %zu rejects %zu gone %zu done %zu; received: %.*s", r->requests,
                 r->rejects, r->gone, r->done,
                 r->peers_len ? (int)MIN(r->peers[0]->in.len, (size_t)2000) : 0,
                 r->peers_len && r->peers[0]->in.at ? r->peers[0]->in.at : "");
}

/* ---- what tests wait for ---- */

static inline bool until_done(struct rig *r)
{
    return r->done >= r->expected;
}

static inline bool until_gone(struct rig *r)
{
    return r->gone >= r->expected && r->done >= r->expected;
}

static inline bool until_request(struct rig *r)
{
    return r->requests >= r->expected;
}

static inline bool until_drained(struct rig *r)
{
    return r->drained >= r->expected;
}

static inline bool until_closed(struct rig *r)
{
    return r->peers[0]->ended || r->peers[0]->reset;
}

static inline bool until_no_connections(struct rig *r)
{
    return server_connections(r->server) == 0;
}

static inline bool until_connections(struct rig *r)
{
    return server_connections(r->server) == r->expected;
}

static inline bool until_received(struct rig *r)
{
    return r->peers[0]->in.len >= r->expected;
}

static inline void wait_done(struct rig *r, size_t n)
{
    r->expected = n;
    run_until(r, until_done);
}

static inline void wait_gone(struct rig *r, size_t n)
{
    r->expected = n;
    run_until(r, until_gone);
}

static inline void wait_request(struct rig *r, size_t n)
{
    r->expected = n;
    run_until(r, until_request);
}

/* ---- the handler: the path says what it does ---- */

static inline void answer(struct server_request *q, int status, struct slice body,
                          enum span_life life)
{
    static const struct header headers[] = {
        {SLICE_INIT("x-test"), SLICE_INIT("yes")}
    };

    if (server_reply_head(q, status, headers, 1, (int64_t)body.len) < 0)
        server_reply_abort(q);
    else
        server_reply_end(q, &body, 1, life);
}

/* Bytes that die with the call. */
static inline void answer_brief(struct server_request *q, struct slice body)
{
    char *at = malloc(body.len + 1);

    if (!at) {
        server_reply_abort(q);
        return;
    }
    if (body.len)
        memcpy(at, body.at, body.len);
    answer(q, 200, slice_of(at, body.len), SPANS_NOW);
    free(at);
}

static inline void rig_on_request(void *owner, struct server_request *q)
{
    struct rig *r = owner;

    r->requests++;
    r->last = q;
    if (slice_eq(q->path, SLICE("/echo")))
        answer(q, 200, q->body, SPANS_REQUEST);
    else if (slice_eq(q->path, SLICE("/brief")))
        answer_brief(q, q->body);
    else if (slice_eq(q->path, SLICE("/hello")))
        answer(q, 200, SLICE("hello"), SPANS_REQUEST);
    else if (slice_eq(q->path, SLICE("/abort")))
        server_reply_abort(q);
    /* all else is held: the test answers */
}

static inline void rig_on_reject(void *owner, struct server_request *q, int status, const char *why)
{
    struct rig *r = owner;

    r->rejects++;
    r->last_status = status;
    if (server_reply_head(q, status, NULL, 0, (int64_t)strlen(why)) == OK)
        server_reply_end(q, &(struct slice){why, strlen(why)}, 1, SPANS_REQUEST);
}

static inline void rig_on_gone(void *owner, struct server_request *q)
{
    struct rig *r = owner;
    struct slice s = SLICE("late");

    r->gone++;
    assert_int_equal(server_reply_write(q, &s, 1, SPANS_NOW), -EPIPE);
    assert_int_equal(server_reply_end(q, &s, 1, SPANS_NOW), -EPIPE);
    server_reply_abort(q);
}

static inline void rig_on_drained(void *owner, struct server_request *q)
{
    (void)q;
    ((struct rig *)owner)->drained++;
}

static inline void rig_on_done(void *owner, struct server_request *q, bool delivered)
{
    struct rig *r = owner;

    r->done++;
    r->delivered += delivered;
    if (r->last == q)
        r->last = NULL;
}

static const struct server_events rig_events = {
    .on_request = rig_on_request,
    .on_reject = rig_on_reject,
    .on_gone = rig_on_gone,
    .on_drained = rig_on_drained,
    .on_done = rig_on_done,
};

/* ---- setting up ---- */

static const struct server_limits rig_limits = {
    .header_bytes = 65536,
    .body_bytes = 32u << 20,
    .head_ms = 60000,
    .body_ms = 60000,
    .idle_ms = 60000,
    .write_ms = 60000,
    .connections = 1000,
    .write_bytes = 65536,
};

static inline void rig_open_with(struct rig *r, struct server_limits limits)
{
    struct server_options options = {
        .listen = SLICE("127.0.0.1:0"), .limits = limits, .events = &rig_events, .owner = r};

    *r = (struct rig){.loop = loop_new()};
    assert_non_null(r->loop);
    turn_end_init(&r->turn, rig_on_turn);
    assert_int_equal(server_open(r->loop, &options, &r->server), OK);
    assert_true(server_port(r->server) > 0);
}

static inline void rig_open(struct rig *r)
{
    rig_open_with(r, rig_limits);
}

static inline void rig_close(struct rig *r)
{
    if (r->server)
        server_close(r->server);
    loop_free(r->loop);
    assert_int_equal(r->requests + r->rejects, r->done);
}

static inline void peer_connect_with(struct rig *r, struct peer *p, int receive_buffer)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(server_port(r->server))};

    *p = (struct peer){.reads = SIZE_MAX};
    buf_init(&p->in, 128u << 20);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(p->fd >= 0);
    if (receive_buffer)
        setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    assert_int_equal(connect(p->fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_true(r->peers_len < ARRAY_LEN(r->peers));
    r->peers[r->peers_len++] = p;
}

static inline void peer_connect(struct rig *r, struct peer *p)
{
    peer_connect_with(r, p, 0);
}

static inline void peer_close(struct rig *r, struct peer *p)
{
    for (size_t i = 0; i < r->peers_len; i++)
        if (r->peers[i] == p)
            r->peers[i] = r->peers[--r->peers_len];
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
    buf_free(&p->in);
}

/* Leaves with RST, which the kernel sends although bytes wait. */
static inline void peer_reset(struct rig *r, struct peer *p)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    peer_close(r, p);
}

static inline void peer_send(struct peer *p, struct slice s)
{
    p->out = s;
    peer_pump(p);
}

static inline bool peer_got(const struct peer *p, struct slice needle)
{
    return p->in.len > 0 && slice_find(buf_slice(&p->in), needle) < p->in.len;
}

static inline size_t peer_count(const struct peer *p, struct slice needle)
{
    struct slice rest = buf_slice(&p->in);
    size_t n = 0;

    while (rest.len > 0) {
        size_t at = slice_find(rest, needle);
        if (at == rest.len)
            break;
        n++;
        rest = slice_sub(rest, at + needle.len, rest.len);
    }
    return n;
}

static inline bool peer_starts(const struct peer *p, struct slice prefix)
{
    return slice_starts(buf_slice(&p->in), prefix);
}
