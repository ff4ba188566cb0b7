/* client_conn.c: a connection that stands: sends a request, reads its answer, ends.
 *
 * The connection is watched for reading all its life; only a paused call takes that back. Bytes are
 * read into the loop's scratch, or straight to the place that the call gave, and a read that
 * brought less than it might is not tried again: the loop will tell. */

#include "http/client_private.h"
#include "http/request_writer.h"

#include <errno.h>
#include <stdlib.h>

enum {
    HEAD_READ = 16 * 1024, /* most of an answer's first bytes: what follows may have a place */
    BODY_READ = 64 * 1024,
    READ_PASSES = 4, /* reads for one connection before the others have their turn */
    SPANS_MAX = 64,
    DRAIN_MS = 1000,
    DRAIN_BYTES = 16 * 1024,
};

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

static bool conn_is_sending(const struct client_conn *conn)
{
    return conn->state == CONN_ACTIVE && conn->sent < conn->total && !conn->unsendable;
}

void client_conn_watch(struct client_conn *conn)
{
    bool paused = conn->call && conn->call->paused;

    stream_watch(conn->stream, (paused ? 0u : (unsigned)STREAM_READABLE) |
                                   (conn_is_sending(conn) ? (unsigned)STREAM_WRITABLE : 0u));
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
static void client_conn_whole(struct client_conn *conn, bool reusable)
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

static void conn_tell_head(struct client_conn *conn)
{
    struct client_call *call = conn->call;
    const struct answer_head *parsed = &conn->parser.head;
    const struct client_head head = {
        .status = parsed->status,
        .headers = parsed->headers,
        .content_length = parsed->content_length,
    };

    if (!call)
        return;
    call->phase = CLIENT_BODY;
    call->unframed = conn->parser.unframed;
    call->events->on_head(call, &head);
}

static void conn_tell_body(struct client_conn *conn, struct slice body)
{
    struct client_call *call = conn->call;

    if (!call) {
        conn->drained += (uint32_t)body.len;
        return;
    }
    if (call->into && body.len <= call->into_len - conn->into_len) {
        char *place = call->into + conn->into_len;
        if (place != body.at)
            memcpy(place, body.at, body.len);
        body.at = place;
        conn->into_len += body.len;
    }
    call->events->on_body(call, body);
}

/* Takes what was read. False: the answer ended, or the connection did. */
static bool conn_take(struct client_conn *conn, char *at, size_t n)
{
    struct answer_step step;
    int rc = answer_parser_feed(&conn->parser, at, n, &step);

    conn->answered = true;
    if (step.head)
        conn_tell_head(conn);
    if (step.body.len && conn->state != CONN_CLOSED)
        conn_tell_body(conn, step.body);
    if (conn->state == CONN_CLOSED)
        return false;
    if (rc < 0) {
        client_conn_fail(conn, rc);
        return false;
    }
    if (step.whole) {
        client_conn_whole(conn, conn->parser.keep_alive && step.used == n &&
                                    conn->sent == conn->total && !stream_pending(conn->stream));
        return false;
    }
    if (conn->drained > DRAIN_BYTES) {
        client_conn_close(conn);
        return false;
    }
    return true;
}

/* The stream has nothing more: n is 0 or -errno. */
static void conn_take_end(struct client_conn *conn, ssize_t n)
{
    int rc = n == 0 ? answer_parser_end(&conn->parser) : (int)n;

    if (rc == OK)
        client_conn_whole(conn, false);
    else
        client_conn_fail(conn, rc == -EPIPE ? -ECONNRESET : rc);
}

struct room {
    char *at;
    size_t len;
};

static struct room conn_room(const struct client_conn *conn)
{
    const struct client_call *call = conn->call;

    if (call && call->into && call->into_len > conn->into_len)
        return (struct room){call->into + conn->into_len, call->into_len - conn->into_len};
    return (struct room){loop_scratch(conn->client->loop),
                         conn->parser.head_whole ? BODY_READ : HEAD_READ};
}

static bool conn_may_read(const struct client_conn *conn)
{
    return !conn->call || !conn->call->paused;
}

static void conn_read(struct client_conn *conn)
{
    for (unsigned pass = 0; pass < READ_PASSES; pass++) {
        struct room room = conn_room(conn);
        ssize_t n = stream_read(conn->stream, room.at, room.len);
        if (n == -EAGAIN)
            return;
        if (n <= 0) {
            conn_take_end(conn, n);
            return;
        }
        if (!conn_take(conn, room.at, (size_t)n) || !conn_may_read(conn))
            return;
        if ((size_t)n < room.len && !stream_pending(conn->stream))
            return;
    }
    if (stream_pending(conn->stream)) /* no readiness will tell of these */
        turn_end_queue(conn->client->loop, &conn->turn);
}

/* Writing failed: the peer may have answered before it closed, so what it said decides. */
static void conn_send_failed(struct client_conn *conn)
{
    conn->unsendable = true;
    client_conn_watch(conn);
    if (conn_may_read(conn))
        conn_read(conn);
}

static void conn_sent(struct client_conn *conn)
{
    struct client_call *call = conn->call;

    client_conn_watch(conn);
    if (call->phase == CLIENT_BODY)
        return; /* answered before it was whole */
    call->phase = CLIENT_WAITING;
    call->events->on_sent(call);
}

static void conn_send(struct client_conn *conn)
{
    const struct client_request *request = conn->call->request;
    struct slice head = {.at = loop_scratch(conn->client->loop)};
    struct slice spans[SPANS_MAX];

    ssize_t len = request_write_head(request, loop_scratch(conn->client->loop), LOOP_SCRATCH);
    if (len < 0) {
        client_conn_fail(conn, (int)len);
        return;
    }
    head.len = (size_t)len;
    conn->total = head.len + request_body_bytes(request);
    while (conn->sent < conn->total) {
        size_t bytes;
        size_t n = request_spans(request, head, conn->sent, spans, SPANS_MAX, &bytes);
        ssize_t put = stream_writev(conn->stream, spans, n);
        if (put < 0 && put != -EAGAIN) {
            conn_send_failed(conn);
            return;
        }
        conn->sent += put > 0 ? (size_t)put : 0;
        if (put < (ssize_t)bytes) {
            client_conn_watch(conn);
            return;
        }
    }
    conn_sent(conn);
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
    conn_send(conn);
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
        if ((events & STREAM_WRITABLE) && conn_is_sending(conn))
            conn_send(conn);
        if (conn->state == CONN_ACTIVE && (events & STREAM_READABLE) && conn_may_read(conn))
            conn_read(conn);
        break;
    case CONN_DRAINING:
        conn_read(conn);
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
        if (conn_may_read(conn))
            conn_read(conn);
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

void client_conn_on_turn(struct turn_end *t)
{
    struct client_conn *conn = container_of(t, struct client_conn, turn);

    conn->running = true;
    conn_on_turn(conn);
    conn_leave(conn);
}

void client_conn_on_timer(struct timer *t)
{
    struct client_conn *conn = container_of(t, struct client_conn, timer);

    conn->running = true;
    conn_on_timer(conn);
    conn_leave(conn);
}
