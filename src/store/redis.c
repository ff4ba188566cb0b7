/* redis.c: commands and their replies.
 *
 * Replies come in the order of the commands. The line holds, for each that is due, who waits for
 * it, or nobody when its call was cancelled or ran out of time. */

#include "store/redis_link.h"

#include <errno.h>
#include <stdlib.h>

enum { IN_FIRST = 16 * 1024, KEEP = 64 * 1024, MB = 1024 * 1024 };

const struct redis_limits redis_limits_usual = {
    .connect_ms = 2000,
    .silence_ms = 5000,
    .commands = 8192,
    .bytes = 8 * MB,
};

static struct redis_call **place_of(const struct redis *r, uint64_t place)
{
    return &r->line[place % r->options.limits.commands];
}

size_t redis_due(const struct redis *r)
{
    return (size_t)(r->next - r->first);
}

bool redis_is_up(const struct redis *r)
{
    return r->state == REDIS_UP;
}

const char *redis_why(const struct redis *r)
{
    return r->why;
}

/* --- out --- */

static void on_deadline(struct timer *t)
{
    struct redis_call *call = container_of(t, struct redis_call, deadline);

    redis_cancel(call);
    call->op.done(&call->op, -ETIMEDOUT);
}

static int enqueue(struct redis *r, struct redis_call *call, const struct slice *words, size_t n)
{
    if (redis_due(r) == r->options.limits.commands)
        return -EBUSY;
    size_t waiting = r->out.len;
    int rc = resp_add_command(&r->out, words, n);
    if (rc < 0)
        return rc == -EMSGSIZE && waiting ? -EBUSY : rc;
    if (redis_due(r) == 0) /* silence counts from here */
        timer_set(&r->timer, r->options.limits.silence_ms);
    *place_of(r, r->next) = call;
    call->place = r->next++;
    turn_end_queue(r->loop, &r->turn);
    return AGAIN;
}

int redis_start(struct redis *r, struct redis_call *call, const struct slice *words, size_t n,
                uint64_t deadline_ms)
{
    call->redis = NULL;
    call->reply = NULL;
    if (r->state != REDIS_UP)
        return -ENOTCONN;
    timer_init(&call->deadline, r->loop, on_deadline);
    int rc = deadline_ms ? timer_set(&call->deadline, deadline_ms) : OK;
    if (rc == OK)
        rc = enqueue(r, call, words, n);
    if (rc < 0)
        timer_stop(&call->deadline);
    else
        call->redis = r;
    return rc;
}

void redis_cancel(struct redis_call *call)
{
    if (!call->redis)
        return;
    timer_stop(&call->deadline);
    *place_of(call->redis, call->place) = NULL;
    call->redis = NULL;
}

/* All of it is out, or the socket is full. OK, or why the connection is lost. */
static int write_out(struct redis *r)
{
    while (r->sent < r->out.len) {
        struct slice rest = slice_sub(buf_slice(&r->out), r->sent, r->out.len);
        ssize_t n = stream_writev(r->stream, &rest, 1);
        if (n == -EAGAIN) {
            stream_watch(r->stream, STREAM_READABLE | STREAM_WRITABLE);
            return OK;
        }
        if (n < 0)
            return (int)n;
        r->sent += (size_t)n;
    }
    r->sent = 0;
    buf_reset(&r->out);
    if (r->out.cap > KEEP)
        buf_free(&r->out);
    stream_watch(r->stream, STREAM_READABLE);
    return OK;
}

void redis_flush(struct redis *r)
{
    int rc = write_out(r);

    if (rc < 0)
        redis_lose(r, rc, SLICE(""));
}

/* --- in --- */

static void tell(struct redis *r, struct redis_call *call)
{
    int rc = r->reply.values[0].kind == RESP_ERROR ? -EREMOTEIO : OK;

    if (!call)
        return;
    call->redis = NULL;
    timer_stop(&call->deadline);
    call->reply = &r->reply;
    call->op.done(&call->op, rc);
}

/* Nobody was asked for anything: what came is no reply (a server that says why it hangs up). */
static bool is_due(struct redis *r)
{
    return r->state == REDIS_GREETING || redis_due(r) > 0;
}

static void take_reply(struct redis *r)
{
    if (r->state == REDIS_GREETING) {
        redis_greeted(r);
        return;
    }
    timer_set(&r->timer, r->options.limits.silence_ms);
    tell(r, *place_of(r, r->first++));
}

/* Tells all whole replies; what is left of `in` begins one. */
static int take_replies(struct redis *r)
{
    size_t at = 0;
    int rc = OK;

    while (at < r->in_len) {
        rc = resp_read(slice_of(r->in + at, r->in_len - at), &r->reply);
        if (rc != OK)
            break;
        at += r->reply.bytes;
        if (!is_due(r)) {
            redis_lose(r, -EPROTO, r->reply.values[0].text);
            return AGAIN;
        }
        take_reply(r);
        if (r->state < REDIS_GREETING)
            return AGAIN;
    }
    memmove(r->in, r->in + at, r->in_len - at);
    r->in_len -= at;
    if (rc == AGAIN && r->reply.bytes > r->options.limits.bytes)
        return -EMSGSIZE;
    return rc < 0 ? rc : OK;
}

/* Room behind what is there: for all of the reply that is cut, where its length is known. */
static int make_room(struct redis *r)
{
    size_t want = r->in_len ? MAX(r->reply.bytes, r->in_len + 1) : IN_FIRST;
    size_t most = MAX(r->options.limits.bytes, (size_t)IN_FIRST);

    if (r->in_len == 0 && r->in_cap > KEEP) {
        free(r->in);
        r->in = NULL;
        r->in_cap = 0;
    }
    if (want <= r->in_cap)
        return OK;
    size_t cap = MIN(MAX(want, MAX(r->in_cap * 2, (size_t)IN_FIRST)), most);
    char *in = realloc(r->in, cap);
    if (!in)
        return -ENOMEM;
    r->in = in;
    r->in_cap = cap;
    return OK;
}

static int read_once(struct redis *r)
{
    int rc = make_room(r);

    if (rc < 0)
        return rc;
    ssize_t n = stream_read(r->stream, r->in + r->in_len, r->in_cap - r->in_len);
    if (n == -EAGAIN)
        return AGAIN;
    if (n <= 0)
        return n < 0 ? (int)n : -ECONNRESET;
    r->in_len += (size_t)n;
    return take_replies(r);
}

void redis_read(struct redis *r)
{
    int rc;

    do
        rc = read_once(r);
    while (rc == OK && stream_pending(r->stream));
    if (rc < 0)
        redis_lose(r, rc, SLICE(""));
}

void redis_drop_line(struct redis *r)
{
    buf_free(&r->out);
    r->sent = 0;
    r->in_len = 0;
    r->reply.bytes = 0;
    turn_end_cancel(&r->turn);
    while (redis_due(r) > 0) {
        struct redis_call *call = *place_of(r, r->first++);
        if (!call)
            continue;
        redis_cancel(call);
        call->op.done(&call->op, -ECONNRESET);
    }
}

/* --- making --- */

static void on_turn(struct turn_end *t)
{
    redis_flush(container_of(t, struct redis, turn));
}

static struct slice put_word(char **at, struct slice text)
{
    struct slice word = {*at, redis_url_decode(*at, text)};

    (*at)[word.len] = 0;
    *at += word.len + 1;
    return word;
}

static int keep_url(struct redis *r, struct secret text)
{
    struct redis_url u;

    if (redis_url_parse(text, &u, NULL) < 0)
        return -EINVAL;
    if (u.tls && !r->options.tls)
        return -EPROTO;
    struct slice password = secret_reveal(u.password);
    r->words_len = u.host.len + u.user.len + password.len + 3;
    char *at = r->words = malloc(r->words_len);
    if (!at)
        return -ENOMEM;
    r->host = put_word(&at, u.host);
    r->user = put_word(&at, u.user);
    r->password = secret_of(put_word(&at, password));
    r->tls = u.tls;
    r->has_user = u.has_user;
    r->has_password = u.has_password;
    r->port = u.port;
    r->db = u.db;
    return OK;
}

static int set_up(struct redis *r)
{
    const struct redis_limits *l = &r->options.limits;

    buf_init(&r->out, l->bytes);
    turn_end_init(&r->turn, on_turn);
    timer_init(&r->timer, r->loop, redis_on_timer);
    r->line = calloc(l->commands, sizeof(*r->line));
    int rc = r->line ? keep_url(r, r->options.url) : -ENOMEM;
    r->options.url = (struct secret){0};
    return rc == OK ? timer_set(&r->timer, 0) : rc;
}

int redis_new(struct loop *loop, const struct redis_options *options, struct redis **ret)
{
    struct redis *r = calloc(1, sizeof(*r));

    if (!r)
        return -ENOMEM;
    r->loop = loop;
    r->options = *options;
    int rc = set_up(r);
    if (rc < 0)
        redis_free(r);
    else
        *ret = r;
    return rc;
}

static void forget_line(struct redis *r)
{
    for (; r->line && redis_due(r) > 0; r->first++)
        if (*place_of(r, r->first))
            redis_cancel(*place_of(r, r->first));
}

void redis_free(struct redis *r)
{
    if (!r)
        return;
    redis_disconnect(r);
    forget_line(r);
    turn_end_cancel(&r->turn);
    timer_stop(&r->timer);
    buf_free(&r->out);
    free(r->in);
    if (r->words)
        secret_wipe(r->words, r->words_len);
    free(r->words);
    free(r->line);
    free(r);
}
