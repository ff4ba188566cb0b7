/* client_exchange.c: a request and its answer, on a connection that stands.
 *
 * The connection is watched for reading all its life; only a paused call takes that back. Bytes are
 * read into the loop's scratch, or straight to the place that the call gave, and a read that
 * brought less than it might is not tried again: the loop will tell. */

#include "http/client_conn.h"
#include "http/request_writer.h"

#include <errno.h>

enum {
    HEAD_READ = 16 * 1024, /* most of an answer's first bytes: what follows may have a place */
    BODY_READ = 64 * 1024,
    READ_PASSES = 4, /* reads for one connection before the others have their turn */
    DRAIN_BYTES = 16 * 1024,
};

bool client_conn_is_sending(const struct client_conn *conn)
{
    return conn->state == CONN_ACTIVE && conn->sent < conn->total && !conn->unsendable;
}

static void conn_tell_head(struct client_conn *conn)
{
    struct client_call *call = conn->call;
    const struct answer_head *parsed = &conn->parser.head;
    const struct client_head head = {
        .status = parsed->status,
        .headers = parsed->headers,
        .content_length = parsed->content_length,
        .request_sent = conn->sent == conn->total,
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

void client_conn_read(struct client_conn *conn)
{
    if (!conn_may_read(conn))
        return;
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
    client_conn_read(conn);
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

void client_conn_send(struct client_conn *conn)
{
    const struct client_request *request = conn->call->request;
    struct slice head = {.at = loop_scratch(conn->client->loop)};
    struct request_spans spans;

    ssize_t len = request_write_head(request, loop_scratch(conn->client->loop), LOOP_SCRATCH);
    if (len < 0) {
        client_conn_fail(conn, (int)len);
        return;
    }
    head.len = (size_t)len;
    conn->total = head.len + request_body_bytes(request);
    while (conn->sent < conn->total) {
        request_spans_from(request, head, conn->sent, &spans);
        ssize_t put = stream_writev(conn->stream, spans.at, spans.len);
        if (put < 0 && put != -EAGAIN) {
            conn_send_failed(conn);
            return;
        }
        conn->sent += put > 0 ? (size_t)put : 0;
        if (put < (ssize_t)spans.bytes) {
            client_conn_watch(conn);
            return;
        }
    }
    conn_sent(conn);
}
