/* client_conn.c: the life of a connection.
 *
 *   START → RESOLVING → CONNECTING → ACTIVE ───────────┬→ IDLE → READY → ACTIVE …
 *     └─────────────────────↑           └→ DRAINING ───┘
 *   from any of them → CLOSED
 *
 *   START      → RESOLVING   [client_conn_begin]    the origin's addresses are not known
 *   START      → CONNECTING  [client_conn_dial]
 *   CONNECTING → CONNECTING  [client_conn_dial]     this address refused: the next one
 *   CONNECTING → ACTIVE      [client_conn_stands]   the request goes out
 *   IDLE       → READY       [client_pool_lease]    the request goes out at the end of the turn
 *   READY      → IDLE        [client_cancel]        before anything was sent
 *   ACTIVE     → IDLE        [client_conn_whole]    the answer is whole, the peer keeps alive
 *   ACTIVE     → READY       [client_conn_whole]    the same, and another call waits in line
 *   ACTIVE     → DRAINING    [client_conn_drain]    its call has left
 *   any        → CLOSED      [client_conn_close]    freed when no function of it is running
 *
 * Events may cancel the call, start others, or free the client; so a function that tells one either
 * does nothing behind it or looks first whether the connection still stands. */

#include "http/client_conn.h"

#include <errno.h>
#include <stdlib.h>

enum { DRAIN_MS = 1000 };

void client_conn_assign(struct client_conn *conn, struct client_call *call)
{
    const struct client_request *r = call->request;

    conn->call = call;
    conn->sent = conn->total = 0;
    conn->into_len = 0;
    conn->answered = false;
    call->conn = conn;
    call->phase = CLIENT_CONNECTING;
    call->reused = conn->served;
    answer_parser_init(&conn->parser, conn->client->options.limits.header_bytes,
                       slice_eq(r->method, SLICE("HEAD")));
}

void client_conn_watch(struct client_conn *conn)
{
    bool paused = conn->call && conn->call->paused;

    stream_watch(conn->stream, (paused ? 0u : (unsigned)STREAM_READABLE) |
                                   (client_conn_is_sending(conn) ? (unsigned)STREAM_WRITABLE : 0u));
}

static void conn_free(struct client_conn *conn)
{
    answer_parser_clear(&conn->parser);
    free(conn);
}

void client_conn_close(struct client_conn *conn)
{
    struct client_origin *o = conn->origin;

    if (conn->state == CONN_CLOSED)
        return;
    if (conn->state == CONN_IDLE) {
        o->idle_len--;
        conn->client->idle--;
    }
    conn->state = CONN_CLOSED;
    conn->call = NULL;
    stream_close(conn->stream);
    timer_stop(&conn->timer);
    turn_end_cancel(&conn->turn);
    list_remove(&conn->node);
    o->open--;
    conn->client->open--;
    client_pool_closed(o);
    if (!conn->running)
        conn_free(conn);
}

/* A peer may close an idle connection in the moment in which it is used again; it has then not
 * looked at the request (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1). */
static bool conn_was_stale(const struct client_conn *conn, int rc)
{
    return conn->call->reused && !conn->answered && rc == -ECONNRESET;
}

void client_conn_fail(struct client_conn *conn, int rc)
{
    struct client_call *call = conn->call;
    struct client_origin *o = conn->origin;
    bool stale = call && conn_was_stale(conn, rc);

    client_conn_close(conn);
    if (!call)
        return;
    if (stale) {
        rc = client_pool_replace(o, call);
        if (rc == AGAIN)
            return;
    }
    client_call_end(call, rc);
}

/* The answer is whole: the connection goes back first, so that the owner may use it again at once.
 */
void client_conn_whole(struct client_conn *conn, bool reusable)
{
    struct client_call *call = conn->call;
    struct answer_head head = conn->parser.head; /* lives until the owner has been told */

    conn->parser.head = (struct answer_head){0};
    conn->call = NULL;
    conn->served = true;
    if (reusable)
        client_pool_put(conn);
    else
        client_conn_close(conn);
    if (call)
        client_call_end(call, OK);
    answer_head_free(&head);
}

void client_conn_drain(struct client_conn *conn)
{
    bool worth = conn->state == CONN_ACTIVE && conn->parser.head_whole && !conn->parser.unframed &&
                 conn->sent == conn->total;

    conn->call = NULL;
    if (!worth || timer_set(&conn->timer, DRAIN_MS) < 0) {
        client_conn_close(conn);
        return;
    }
    conn->state = CONN_DRAINING;
    conn->drained = 0;
    client_conn_watch(conn);
    if (stream_pending(conn->stream))
        turn_end_queue(conn->client->loop, &conn->turn);
}

void client_conn_stands(struct client_conn *conn)
{
    conn->state = CONN_ACTIVE;
    conn->call->phase = CLIENT_SENDING;
    client_conn_send(conn);
}

/* Nothing was asked: bytes or an end make the connection useless (TLS tickets are no bytes). */
static bool conn_is_quiet(struct client_conn *conn)
{
    return stream_read(conn->stream, loop_scratch(conn->client->loop), 1) == -EAGAIN;
}

static void conn_on_ready(struct client_conn *conn, unsigned events)
{
    switch ((enum client_conn_state)conn->state) {
    case CONN_CONNECTING:
        client_conn_progress(conn);
        break;
    case CONN_IDLE:
        if (!conn_is_quiet(conn))
            client_conn_close(conn);
        break;
    case CONN_READY:
        if (!conn_is_quiet(conn))
            client_conn_fail(conn, -ECONNRESET);
        break;
    case CONN_ACTIVE:
        if ((events & STREAM_WRITABLE) && client_conn_is_sending(conn))
            client_conn_send(conn);
        if (conn->state == CONN_ACTIVE && (events & STREAM_READABLE))
            client_conn_read(conn);
        break;
    case CONN_DRAINING:
        client_conn_read(conn);
        break;
    default:
        break;
    }
}

static void conn_on_turn(struct client_conn *conn)
{
    switch ((enum client_conn_state)conn->state) {
    case CONN_START:
        client_conn_begin(conn);
        break;
    case CONN_RESOLVING:
        client_conn_resolved(conn);
        break;
    case CONN_READY:
        client_conn_stands(conn);
        break;
    case CONN_ACTIVE:
    case CONN_DRAINING:
        client_conn_read(conn);
        break;
    default:
        break;
    }
}

static void conn_on_timer(struct client_conn *conn)
{
    switch ((enum client_conn_state)conn->state) {
    case CONN_START:
    case CONN_RESOLVING:
    case CONN_CONNECTING:
        client_conn_fail(conn, -ETIMEDOUT);
        break;
    case CONN_DRAINING:
    case CONN_IDLE:
        client_conn_close(conn);
        break;
    default:
        break; /* a request's own time is its owner's */
    }
}

/* The events within may close the connection: it is freed when the function has returned. */
static void conn_leave(struct client_conn *conn)
{
    conn->running = false;
    if (conn->state == CONN_CLOSED)
        conn_free(conn);
}

void client_conn_on_ready(void *owner, unsigned events)
{
    struct client_conn *conn = owner;

    conn->running = true;
    conn_on_ready(conn, events);
    conn_leave(conn);
}

static void client_conn_on_turn(struct turn_end *t)
{
    struct client_conn *conn = container_of(t, struct client_conn, turn);

    conn->running = true;
    conn_on_turn(conn);
    conn_leave(conn);
}

static void client_conn_on_timer(struct timer *t)
{
    struct client_conn *conn = container_of(t, struct client_conn, timer);

    conn->running = true;
    conn_on_timer(conn);
    conn_leave(conn);
}

struct client_conn *client_conn_new(struct client_origin *o, struct client_call *call)
{
    struct client *c = o->client;
    struct client_conn *conn = calloc(1, sizeof(*conn));

    if (!conn)
        return NULL;
    conn->client = c;
    conn->origin = o;
    conn->state = CONN_START;
    timer_init(&conn->timer, c->loop, client_conn_on_timer);
    turn_end_init(&conn->turn, client_conn_on_turn);
    list_add(&o->conns, &conn->node);
    o->open++;
    c->open++;
    client_conn_assign(conn, call);
    return conn;
}
