/* server_reply.c: the answer: its head, its framing, and what a slow client has not taken yet.
 *
 * Whatever one call gives to send leaves in one writev: the head that was kept back, the chunk's
 * size line, the spans, the end of the chunk and of the body. What the socket does not take goes
 * into the connection's out_queue. */

#include "http/server_conn.h"

#include "base/fmt.h"

#include <errno.h>

enum {
    SPANS_MAX = 48,   /* of the caller */
    BURST_SPANS = 52, /* and head, size line, two ends */
    SIZE_LINE = 20,
    /* A writer that goes on after AGAIN is cut off when so much more waits: what one read brought
     * may still have to be handed over. */
    OVERRUN_BYTES = 1 << 20,
};

/* One writev. */
struct burst {
    struct slice spans[BURST_SPANS];
    bool copy[BURST_SPANS]; /* dies with the call */
    size_t n;
    size_t bytes;
    char size_line[SIZE_LINE];
};

static void burst_add(struct burst *b, struct slice s, bool copy)
{
    if (s.len == 0)
        return;
    b->spans[b->n] = s;
    b->copy[b->n++] = copy;
    b->bytes += s.len;
}

/* RFC 9112 section 7.1: the size in hex and CRLF. */
static void burst_add_chunk_size(struct burst *b, size_t size)
{
    size_t at = SIZE_LINE;

    b->size_line[--at] = '\n';
    b->size_line[--at] = '\r';
    do
        b->size_line[--at] = "0123456789abcdef"[size & 15];
    while (size >>= 4);
    burst_add(b, slice_of(b->size_line + at, SIZE_LINE - at), true);
}

/* ---- sending ---- */

/* What is left of the burst after `sent` bytes waits. */
static int conn_keep(struct server_conn *c, const struct burst *b, size_t sent)
{
    for (size_t i = 0; i < b->n; i++) {
        struct slice s = b->spans[i];
        size_t skip = MIN(sent, s.len);
        sent -= skip;
        int rc = out_queue_add(&c->out, slice_sub(s, skip, s.len), b->copy[i]);
        if (rc < 0)
            return rc;
    }
    return OK;
}

/* Nothing more can be sent: what follows is done outside of the handler's call. */
static int conn_fail(struct server_conn *c, bool *reason, int rc)
{
    *reason = true;
    out_queue_clear(&c->out);
    turn_end_queue(c->server->loop, &c->turn);
    return rc;
}

static int conn_send(struct server_conn *c, const struct burst *b)
{
    bool waits = c->out.len > 0;
    ssize_t sent = 0;

    if (b->n == 0)
        return OK;
    if (!waits) {
        sent = stream_writev(c->stream, b->spans, b->n);
        if (sent < 0 && sent != -EAGAIN)
            return conn_fail(c, &c->answer.gone, -EPIPE);
        if (sent < 0)
            sent = 0;
    }
    if ((size_t)sent < b->bytes && conn_keep(c, b, (size_t)sent) < 0)
        return conn_fail(c, &c->answer.broken, -ENOMEM);
    if (!waits)
        server_conn_wrote(c, (size_t)sent);
    if (c->out.len > 0)
        server_conn_watch(c);
    return OK;
}

/* ---- the head ---- */

static struct slice reason_phrase(int status)
{
    static const struct {
        int status;
        struct slice phrase;
    } known[] = {
        {200, SLICE_INIT("OK")                             },
        {201, SLICE_INIT("Created")                        },
        {202, SLICE_INIT("Accepted")                       },
        {204, SLICE_INIT("No Content")                     },
        {304, SLICE_INIT("Not Modified")                   },
        {400, SLICE_INIT("Bad Request")                    },
        {401, SLICE_INIT("Unauthorized")                   },
        {402, SLICE_INIT("Payment Required")               },
        {403, SLICE_INIT("Forbidden")                      },
        {404, SLICE_INIT("Not Found")                      },
        {405, SLICE_INIT("Method Not Allowed")             },
        {408, SLICE_INIT("Request Timeout")                },
        {409, SLICE_INIT("Conflict")                       },
        {412, SLICE_INIT("Precondition Failed")            },
        {413, SLICE_INIT("Content Too Large")              },
        {414, SLICE_INIT("URI Too Long")                   },
        {415, SLICE_INIT("Unsupported Media Type")         },
        {417, SLICE_INIT("Expectation Failed")             },
        {422, SLICE_INIT("Unprocessable Content")          },
        {429, SLICE_INIT("Too Many Requests")              },
        {431, SLICE_INIT("Request Header Fields Too Large")},
        {500, SLICE_INIT("Internal Server Error")          },
        {501, SLICE_INIT("Not Implemented")                },
        {502, SLICE_INIT("Bad Gateway")                    },
        {503, SLICE_INIT("Service Unavailable")            },
        {504, SLICE_INIT("Gateway Timeout")                },
        {505, SLICE_INIT("HTTP Version Not Supported")     },
    };

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (known[i].status == status)
            return known[i].phrase;
    return SLICE("");
}

/* Once a second; the loop's clock says when, the wall's says what. */
static struct slice server_date(struct server *s)
{
    uint64_t now = loop_now_ms(s->loop);

    if (now >= s->date_until_ms) {
        uint64_t wall_us = clock_wall_us();
        clock_http_date(wall_us, s->date);
        s->date_until_ms = now + 1000 - wall_us / 1000 % 1000;
    }
    return slice_of(s->date, CLOCK_HTTP_DATE_LEN);
}

static char *put(char *at, struct slice s)
{
    if (s.len > 0)
        memcpy(at, s.at, s.len);
    return at + s.len;
}

static void answer_choose_framing(struct server_conn *c, int status, int64_t content_length)
{
    struct answer *a = &c->answer;
    bool unknown = content_length < 0;

    a->bodiless = c->request.method == HTTP_HEAD || status == 204 || status == 304;
    a->chunked = unknown && c->minor > 0;
    a->until_close = unknown && c->minor == 0 && !a->bodiless;
    a->left = unknown ? 0 : (uint64_t)content_length;
    a->close = a->until_close || a->rejected || !c->keep_alive || !c->server->listener;
}

enum { HEAD_FIXED = 256 }; /* status line, date, framing and connection, generously */

static int head_length(const struct header *headers, size_t n, size_t *ret)
{
    *ret = HEAD_FIXED;
    for (size_t i = 0; i < n; i++) {
        if (!header_name_is_safe(headers[i].name) || !header_value_is_safe(headers[i].value))
            return -EINVAL;
        *ret += headers[i].name.len + headers[i].value.len + 4;
    }
    return OK;
}

static char *put_status_line(char *at, int status)
{
    at = put(at, SLICE("HTTP/1.1 "));
    *at++ = (char)('0' + status / 100 % 10);
    *at++ = (char)('0' + status / 10 % 10);
    *at++ = (char)('0' + status % 10);
    *at++ = ' ';
    return put(at, reason_phrase(status));
}

static char *put_framing(char *at, const struct answer *a, int status)
{
    if (status == 204 || status == 304 || a->until_close)
        return at;
    if (a->chunked)
        return put(at, SLICE("\r\ntransfer-encoding: chunked"));
    at = put(at, SLICE("\r\ncontent-length: "));
    return at + fmt_u64(at, a->left);
}

int server_reply_head(struct server_request *r, int status, const struct header *headers, size_t n,
                      int64_t content_length)
{
    struct server_conn *c = r->conn;
    struct answer *a = &c->answer;
    size_t len;

    if (a->gone)
        return -EPIPE;
    if (a->started || head_length(headers, n, &len) < 0)
        return -EINVAL;
    char *head = arena_alloc(&r->early, len), *at = head;
    if (!head)
        return -ENOMEM;

    answer_choose_framing(c, status, content_length);
    at = put_status_line(at, status);
    at = put(put(at, SLICE("\r\ndate: ")), server_date(c->server));
    for (size_t i = 0; i < n; i++) {
        at = put(put(at, SLICE("\r\n")), headers[i].name);
        at = put(put(at, SLICE(": ")), headers[i].value);
    }
    at = put_framing(at, a, status);
    if (a->close)
        at = put(at, SLICE("\r\nconnection: close"));
    else if (c->minor == 0)
        at = put(at, SLICE("\r\nconnection: keep-alive"));
    at = put(at, SLICE("\r\n\r\n"));
    a->head = slice_of(head, (size_t)(at - head));
    a->started = true;
    return OK;
}

/* ---- the body ---- */

/* The head, the chunk's frame and the spans. Returns the number of body bytes. */
static size_t burst_fill(struct burst *b, struct answer *a, const struct slice *spans, size_t n,
                         enum span_life life)
{
    size_t size = 0;

    b->n = b->bytes = 0;
    burst_add(b, a->head, true); /* what has to wait may outlive `early` */
    a->head = (struct slice){0};
    if (a->bodiless)
        return 0;
    for (size_t i = 0; i < n; i++)
        size += spans[i].len;
    if (a->chunked && size > 0)
        burst_add_chunk_size(b, size);
    for (size_t i = 0; i < n; i++)
        burst_add(b, spans[i], life == SPANS_NOW);
    return size;
}

/* -EPIPE and -EINVAL as the header says. */
static int answer_may_write(const struct answer *a, size_t n)
{
    if (a->gone || a->broken || a->ended)
        return -EPIPE;
    return a->started && n <= SPANS_MAX ? OK : -EINVAL;
}

/* False: more bytes than were announced. */
static bool answer_owe(struct answer *a, size_t size)
{
    if (a->chunked || a->until_close || a->bodiless)
        return true;
    if (size > a->left)
        return false;
    a->left -= size;
    return true;
}

int server_reply_write(struct server_request *r, const struct slice *spans, size_t n,
                       enum span_life life)
{
    struct server_conn *c = r->conn;
    struct answer *a = &c->answer;
    size_t room = c->server->options.limits.write_bytes;
    struct burst b;

    int rc = answer_may_write(a, n);
    if (rc < 0)
        return rc;
    if (c->out.len > room + OVERRUN_BYTES)
        return conn_fail(c, &a->broken, -ENOMEM);
    size_t size = burst_fill(&b, a, spans, n, life);
    if (!answer_owe(a, size))
        return conn_fail(c, &a->broken, -EINVAL);
    if (a->chunked && size > 0)
        burst_add(&b, SLICE("\r\n"), false);
    rc = conn_send(c, &b);
    if (rc < 0)
        return rc;
    if (c->out.len > room)
        a->wants_drained = true; /* until on_drained has been told */
    return a->wants_drained ? AGAIN : OK;
}

int server_reply_end(struct server_request *r, const struct slice *spans, size_t n,
                     enum span_life life)
{
    struct server_conn *c = r->conn;
    struct answer *a = &c->answer;
    struct burst b;

    int rc = answer_may_write(a, n);
    if (rc < 0)
        return rc;
    size_t size = burst_fill(&b, a, spans, n, life);
    if (!answer_owe(a, size) || (!a->bodiless && a->left > 0))
        return conn_fail(c, &a->broken, -EINVAL);
    if (a->chunked && !a->bodiless)
        burst_add(&b, size > 0 ? SLICE("\r\n0\r\n\r\n") : SLICE("0\r\n\r\n"), false);
    rc = conn_send(c, &b);
    if (rc < 0)
        return rc;
    a->ended = true;
    if (c->out.len == 0)
        turn_end_queue(c->server->loop, &c->turn);
    return OK;
}

void server_reply_abort(struct server_request *r)
{
    struct server_conn *c = r->conn;

    if (!c->answer.ended && !c->answer.gone)
        conn_fail(c, &c->answer.broken, OK);
}
