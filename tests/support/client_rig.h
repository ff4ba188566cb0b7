/* client_rig.h: a client, a raw peer and calls that write down what they are told. */

#pragma once

#include "http/client.h"

#include "support/pump.h"
#include "support/raw_peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum rig_cancel { RIG_NEVER, RIG_ON_SENT, RIG_ON_HEAD, RIG_ON_BODY, RIG_ON_END };
enum rig_act { RIG_CANCEL, RIG_LEAVE, RIG_FREE_CLIENT, RIG_PAUSE, RIG_DROP_HEAD };

struct rig {
    struct loop *loop;
    struct client *client;
    struct raw_peer peer;
    struct origin origin;
    char key[64];
    size_t conns_wanted; /* rig_has_conns */
};

struct rig_call {
    struct client_call call;
    struct client_request request;
    struct rig *rig;
    enum rig_cancel when;  /* in which event … */
    enum rig_act act;      /* … what is done */
    struct rig_call *then; /* started when this one ended */
    unsigned sent, heads, bodies, ends;
    int rc, status;
    int64_t content_length;
    enum client_phase phase;
    bool unframed, reused, request_sent;
    char tag[32]; /* the header x-tag */
    char body[1 << 18];
    size_t body_len;
    bool in_place; /* every piece came at its place in `into` */
    char *into;
    size_t into_len;
};

static inline void rig_maybe(struct rig_call *c, enum rig_cancel at)
{
    if (c->when != at)
        return;
    if (c->act == RIG_CANCEL) {
        client_cancel(&c->call);
    } else if (c->act == RIG_LEAVE) {
        client_leave(&c->call);
    } else if (c->act == RIG_PAUSE) {
        client_pause(&c->call);
    } else if (c->act == RIG_DROP_HEAD) {
        client_drop_head(&c->call);
        client_drop_head(&c->call); /* harmless */
    } else {
        client_free(c->rig->client);
        c->rig->client = NULL;
    }
}

static inline struct rig_call *rig_call_of(struct client_call *call)
{
    return container_of(call, struct rig_call, call);
}

static inline void rig_on_sent(struct client_call *call)
{
    struct rig_call *c = rig_call_of(call);

    c->sent++;
    rig_maybe(c, RIG_ON_SENT);
}

static inline void rig_on_head(struct client_call *call, const struct client_head *head)
{
    struct rig_call *c = rig_call_of(call);
    struct slice tag = headers_get(&head->headers, SLICE("x-tag"));

    c->heads++;
    c->status = head->status;
    c->content_length = head->content_length;
    c->request_sent = head->request_sent;
    snprintf(c->tag, sizeof(c->tag), "%.*s", SLICE_FMT(tag));
    if (c->into)
        client_body_into(call, c->into, c->into_len);
    rig_maybe(c, RIG_ON_HEAD);
}

static inline void rig_on_body(struct client_call *call, struct slice bytes)
{
    struct rig_call *c = rig_call_of(call);

    assert_true(c->body_len + bytes.len <= sizeof(c->body));
    c->in_place = (c->in_place || c->bodies == 0) && bytes.at == c->into + c->body_len;
    c->bodies++;
    memcpy(c->body + c->body_len, bytes.at, bytes.len);
    c->body_len += bytes.len;
    rig_maybe(c, RIG_ON_BODY);
}

static inline void rig_start(struct rig_call *c);

static inline void rig_on_end(struct client_call *call, int rc)
{
    struct rig_call *c = rig_call_of(call);

    c->ends++;
    c->rc = rc;
    c->phase = call->phase;
    c->unframed = call->unframed;
    c->reused = call->reused;
    if (c->then)
        rig_start(c->then);
    rig_maybe(c, RIG_ON_END);
}

static const struct client_events rig_events = {
    .on_sent = rig_on_sent,
    .on_head = rig_on_head,
    .on_body = rig_on_body,
    .on_end = rig_on_end,
};

static const struct header rig_headers[] = {
    {SLICE_INIT("host"), SLICE_INIT("peer")}
};

static inline void rig_origin(struct rig *r, const char *scheme, const char *host, uint16_t port)
{
    snprintf(r->key, sizeof(r->key), "%s://%s:%u", scheme, host, port);
    r->origin = (struct origin){
        .key = slice_str(r->key),
        .hash = slice_hash(slice_str(r->key)),
        .host = slice_str(host),
        .port = port,
        .tls = scheme[4] == 's',
    };
}

static inline struct client_options rig_options(void)
{
    return (struct client_options){
        .limits = {.connect_ms = 10000,
                   .idle_ms = 10000,
                   .idle_per_origin = 4,
                   .per_origin = 8,
                   .waiting = 2,
                   .header_bytes = 4096},
    };
}

static inline void rig_open(struct rig *r, const struct client_options *options)
{
    r->loop = loop_new();
    r->client = client_new(r->loop, options);
    raw_peer_open(&r->peer);
    rig_origin(r, "http", "127.0.0.1", r->peer.port);
}

static inline int rig_setup(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct client_options options = rig_options();

    rig_open(r, &options);
    *state = r;
    return 0;
}

static inline int rig_teardown(void **state)
{
    struct rig *r = *state;

    client_free(r->client);
    loop_free(r->loop);
    raw_peer_close(&r->peer);
    free(r);
    return 0;
}

/* A client with other limits, in place of the one set up. */
static inline void rig_limit(struct rig *r, struct client_limits limits)
{
    const struct client_options options = {.limits = limits};

    client_free(r->client);
    r->client = client_new(r->loop, &options);
}

/* A call not yet started: GET, or POST with a body. */
static inline struct rig_call *rig_call(struct rig *r, const struct slice *body)
{
    struct rig_call *c = calloc(1, sizeof(*c));

    c->rig = r;
    c->call.events = &rig_events;
    c->request = (struct client_request){
        .origin = &r->origin,
        .method = body ? SLICE("POST") : SLICE("GET"),
        .target = SLICE("/v1/x"),
        .headers = rig_headers,
        .headers_len = 1,
        .body = body,
        .body_len = body ? 1 : 0,
    };
    return c;
}

static inline void rig_start(struct rig_call *c)
{
    assert_int_equal(client_start(c->rig->client, &c->call, &c->request), AGAIN);
}

static inline struct rig_call *rig_get(struct rig *r)
{
    struct rig_call *c = rig_call(r, NULL);

    rig_start(c);
    return c;
}

static inline bool rig_has_ended(void *arg)
{
    struct rig_call *c = arg;

    raw_peer_poll(&c->rig->peer);
    return c->ends > 0;
}

static inline void rig_await_end(struct rig_call *c)
{
    pump_until(c->rig->loop, rig_has_ended, c);
}

struct rig_wait {
    struct rig *rig;
    size_t conn, bytes;
    const struct rig_call *call;
    bool (*is)(const struct rig_call *c);
};

static inline bool rig_got_request(void *arg)
{
    const struct rig_wait *w = arg;
    struct raw_peer *p = &w->rig->peer;

    raw_peer_poll(p);
    return p->len > w->conn && strstr(p->conns[w->conn].bytes, "\r\n\r\n") &&
           p->conns[w->conn].len >= w->bytes;
}

/* Until a request's head, and `bytes` bytes in all, have come on the peer's connection. */
static inline void rig_await_request(struct rig *r, size_t conn, size_t bytes)
{
    struct rig_wait w = {.rig = r, .conn = conn, .bytes = bytes};

    pump_until(r->loop, rig_got_request, &w);
}

static inline bool rig_peer_ended(void *arg)
{
    const struct rig_wait *w = arg;

    raw_peer_poll(&w->rig->peer);
    return w->rig->peer.conns[w->conn].ended;
}

/* Until the client has closed the peer's connection. */
static inline void rig_await_close(struct rig *r, size_t conn)
{
    struct rig_wait w = {.rig = r, .conn = conn};

    pump_until(r->loop, rig_peer_ended, &w);
}

static inline bool rig_call_is(void *arg)
{
    const struct rig_wait *w = arg;

    raw_peer_poll(&w->rig->peer);
    return w->is(w->call);
}

static inline void rig_await(struct rig_call *c, bool (*is)(const struct rig_call *c))
{
    struct rig_wait w = {.rig = c->rig, .call = c, .is = is};

    pump_until(c->rig->loop, rig_call_is, &w);
}

static inline bool rig_has_conns(void *arg)
{
    struct rig *r = arg;

    raw_peer_poll(&r->peer);
    return r->peer.len >= r->conns_wanted;
}

static inline void rig_await_conns(struct rig *r, size_t n)
{
    r->conns_wanted = n;
    pump_until(r->loop, rig_has_conns, r);
}

/* One GET on connection `conn`, answered with "ok". */
static inline void rig_exchange(struct rig *r, size_t conn)
{
    struct rig_call *c = rig_get(r);

    rig_await_request(r, conn, 1);
    raw_peer_forget(&r->peer, conn);
    raw_peer_say(&r->peer, conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    rig_await_end(c);
    assert_int_equal(c->rc, OK);
    free(c);
}
