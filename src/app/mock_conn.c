/* mock_conn.c: the mock's own small HTTP/1.1.
 *
 *   READING → PLAYING → READING …    a whole request is there; its script has been played
 *   PLAYING → (closed)               an act of the script, or the peer left
 *
 * It reads what a client in good faith sends (content-length, keep-alive, pipelining) and does not
 * judge; what it writes is the script's business. */

#include "app/mock_conn.h"

#include "base/buf.h"
#include "io/stream.h"

#include <errno.h>
#include <stdlib.h>

enum {
    REQUEST_MOST = 128 << 20,
    AHEAD_MOST = 1 << 20,
    SPLIT_TURN = 8, /* single bytes written before the peer gets time to read them */
};

struct mock_conn {
    struct stream *stream;
    struct loop *loop;
    const struct mock_conn_events *events;
    void *owner;
    struct list node;
    struct timer timer;         /* until the next step */
    struct buf in;              /* of the next request */
    struct mock_script *script; /* NULL: READING */
    size_t step, sent;          /* bytes of the step that are out */
    bool waited;                /* the step's delay is over */
    bool model, last;           /* last: the client wants the connection closed after this answer */
};

struct mock_conn *mock_conn_of(struct list *node)
{
    return list_entry(node, struct mock_conn, node);
}

/* Takes the connection down; how is said by the script, or by the peer. */
static void drop(struct mock_conn *c, bool played, bool reset)
{
    timer_stop(&c->timer);
    if (c->script && c->model)
        c->events->ended(c->owner, played);
    mock_script_unref(c->script);
    if (reset)
        stream_abort(c->stream);
    else
        stream_close(c->stream);
    buf_free(&c->in);
    list_remove(&c->node);
    c->events->closed(c->owner, &c->node);
    free(c);
}

void mock_conn_close(struct mock_conn *c)
{
    drop(c, false, false);
}

static struct slice header(struct slice head, struct slice name)
{
    while (head.len) {
        struct slice value = slice_cut(&head, '\n'), field = slice_cut(&value, ':');
        if (slice_eq_nocase(field, name)) {
            if (value.len && value.at[value.len - 1] == '\r')
                value.len--;
            return slice_trim(value);
        }
    }
    return SLICE("");
}

struct slice mock_request_header(const struct mock_request *r, struct slice name)
{
    return header(r->head, name);
}

/* > 0: the length of the request that bytes begin with; 0: more must come; negative: no request. */
static ssize_t find_request(struct slice bytes, struct mock_request *ret)
{
    size_t end = slice_find(bytes, SLICE("\r\n\r\n"));
    uint64_t length = 0;

    if (end == bytes.len)
        return bytes.len > AHEAD_MOST ? -EMSGSIZE : 0;
    ret->head = slice_sub(bytes, 0, end + 4);
    struct slice line = ret->head, announced = header(ret->head, SLICE("content-length"));
    if (announced.len && slice_to_u64(announced, &length) < 0)
        return -EBADMSG;
    if (length > REQUEST_MOST)
        return -EMSGSIZE;
    if (bytes.len - ret->head.len < length)
        return 0;
    ret->method = slice_cut(&line, ' ');
    ret->target = slice_cut(&line, ' ');
    ret->body = slice_sub(bytes, ret->head.len, ret->head.len + (size_t)length);
    return (ssize_t)(ret->head.len + length);
}

static bool play(struct mock_conn *c);

/* The requests that are whole, one after the other. True: the connection is still there. */
static bool take_requests(struct mock_conn *c, struct slice *bytes)
{
    while (!c->script && bytes->len) {
        struct mock_request request = {0};
        ssize_t n = find_request(*bytes, &request);
        if (n == 0)
            return true;
        if (n > 0) {
            c->last = slice_eq_nocase(header(request.head, SLICE("connection")), SLICE("close"));
            c->script = c->events->answer(c->owner, &request, &c->model);
        }
        if (!c->script) {
            drop(c, false, false);
            return false;
        }
        *bytes = slice_sub(*bytes, (size_t)n, bytes->len);
        c->step = 0;
        if (!play(c))
            return false;
    }
    return true;
}

static bool take_held(struct mock_conn *c)
{
    struct slice bytes = buf_slice(&c->in);

    if (bytes.len == 0)
        return true;
    if (!take_requests(c, &bytes))
        return false;
    buf_consume(&c->in, c->in.len - bytes.len);
    if (c->in.len == 0)
        buf_free(&c->in); /* an open stream must cost little */
    return true;
}

/* The script is at its end. True: the connection is still there. */
static bool finish(struct mock_conn *c)
{
    if (c->last) {
        drop(c, true, false);
        return false;
    }
    if (c->model)
        c->events->ended(c->owner, true);
    mock_script_unref(c->script);
    c->script = NULL;
    return true;
}

/* Bytes of one step. OK: all are out; AGAIN: later; negative: the peer is gone. */
static int send_step(struct mock_conn *c, const struct mock_step *step)
{
    while (c->sent < step->bytes.len) {
        struct slice rest = slice_sub(step->bytes, c->sent, step->bytes.len);
        if (c->script->split)
            rest.len = 1;
        ssize_t n = stream_writev(c->stream, &rest, 1);
        if (n == -EAGAIN) {
            stream_watch(c->stream, STREAM_READABLE | STREAM_WRITABLE);
            return AGAIN;
        }
        if (n < 0)
            return (int)n;
        c->sent += (size_t)n;
        if (c->script->split && c->sent % SPLIT_TURN == 0 && timer_set(&c->timer, 0) == OK)
            return AGAIN;
    }
    return OK;
}

/* Plays steps until one must wait. True: the connection is still there. */
static bool play(struct mock_conn *c)
{
    for (; c->step < c->script->len; c->step++, c->sent = 0, c->waited = false) {
        const struct mock_step *step = &c->script->steps[c->step];
        if (step->delay_ms && !c->waited) {
            c->waited = true;
            if (timer_set(&c->timer, step->delay_ms) == OK)
                return true;
        }
        if (step->act == MOCK_HOLD)
            return true;
        int rc = step->act == MOCK_SEND ? send_step(c, step) : -ECANCELED;
        if (rc == AGAIN)
            return true;
        if (rc < 0) {
            drop(c, step->act != MOCK_SEND, step->act == MOCK_RESET);
            return false;
        }
    }
    c->waited = false;
    c->sent = 0;
    return finish(c);
}

static void on_timer(struct timer *t)
{
    struct mock_conn *c = container_of(t, struct mock_conn, timer);

    if (play(c) && !c->script)
        take_held(c);
}

/* Bytes that came while a script plays, or of a request that is not whole, are kept. */
static bool take_bytes(struct mock_conn *c, struct slice bytes)
{
    if (c->in.len == 0 && !take_requests(c, &bytes))
        return false;
    if (bytes.len == 0)
        return true;
    if (buf_add(&c->in, bytes) < 0 || (c->script && c->in.len > AHEAD_MOST)) {
        drop(c, false, false);
        return false;
    }
    return c->script || take_held(c);
}

static bool read_all(struct mock_conn *c)
{
    for (;;) {
        char *at = loop_scratch(c->loop);
        ssize_t n = stream_read(c->stream, at, LOOP_SCRATCH);
        if (n == -EAGAIN)
            return true;
        if (n <= 0) {
            drop(c, false, false);
            return false;
        }
        if (!take_bytes(c, slice_of(at, (size_t)n)))
            return false;
        if ((size_t)n < LOOP_SCRATCH)
            return true;
    }
}

static void on_ready(void *owner, unsigned events)
{
    struct mock_conn *c = owner;

    if ((events & STREAM_WRITABLE) && c->script) {
        stream_watch(c->stream, STREAM_READABLE);
        if (!play(c) || (!c->script && !take_held(c)))
            return;
    }
    if (events & (STREAM_READABLE | STREAM_GONE))
        read_all(c);
}

struct mock_conn *mock_conn_open_take(struct loop *loop, int fd,
                                      const struct mock_conn_events *events, void *owner,
                                      struct list *connections)
{
    struct mock_conn *c = calloc(1, sizeof(*c));
    struct stream *stream = stream_new_take(loop, fd, on_ready, c);

    if (!c || !stream) {
        stream_close(stream);
        free(c);
        return NULL;
    }
    c->stream = stream;
    c->loop = loop;
    c->events = events;
    c->owner = owner;
    buf_init(&c->in, REQUEST_MOST + AHEAD_MOST);
    timer_init(&c->timer, loop, on_timer);
    list_add_tail(connections, &c->node);
    stream_watch(stream, STREAM_READABLE);
    return c;
}
