/* redis_connect.c: a connection until it stands, and what happens when it does not.
 *
 *   DOWN → RESOLVING → CONNECTING → GREETING → UP
 *     └───────────────────↑
 *   from any of them → DOWN
 *
 *   DOWN       → RESOLVING   [connect_begin]   the host is a name
 *   DOWN       → CONNECTING  [dial]            it is an address
 *   CONNECTING → CONNECTING  [dial]            this address refused: the next one
 *   CONNECTING → GREETING    [greet]           AUTH, SELECT and PING go out together
 *   GREETING   → UP          [redis_greeted]   all of them were answered well
 *   any        → DOWN        [redis_lose]      the next attempt follows after a pause
 *
 * The pause doubles with each attempt that fails, and has jitter: a thousand gateways whose Redis
 * comes back do not arrive in the same moment. */

#include "store/redis_link.h"

#include "base/fmt.h"
#include "base/ids.h"
#include "base/log.h"

#include <errno.h>

enum { PAUSE_FIRST_MS = 100, PAUSE_MOST_MS = 5000 };

static socklen_t address_len(const union address *a)
{
    return a->any.sa_family == AF_INET6 ? sizeof(a->v6) : sizeof(a->v4);
}

void redis_disconnect(struct redis *r)
{
    if (r->state == REDIS_RESOLVING)
        resolve_cancel(&r->resolve);
    stream_close(r->stream);
    r->stream = NULL;
    r->state = REDIS_DOWN;
}

static void keep_why(struct redis *r, struct slice why)
{
    size_t n = MIN(why.len, sizeof(r->why) - 1);

    memcpy(r->why, why.at, n);
    r->why[n] = 0;
}

/* Between half of the pause and all of it. */
static void schedule(struct redis *r)
{
    r->pause_ms = r->pause_ms ? MIN(r->pause_ms * 2, (uint64_t)PAUSE_MOST_MS) : PAUSE_FIRST_MS;
    timer_set(&r->timer, r->pause_ms / 2 + ids_random() % (r->pause_ms / 2 + 1));
}

void redis_lose(struct redis *r, int rc, struct slice why)
{
    redis_disconnect(r);
    keep_why(r, why.len ? why : slice_str(log_errno(rc)));
    schedule(r);
    if (r->options.on_state)
        r->options.on_state(r->options.owner, false);
    redis_drop_line(r);
}

/* --- the greeting --- */

static int say(struct redis *r, const struct slice *words, size_t n)
{
    r->greetings++;
    return resp_add_command(&r->out, words, n);
}

static int say_auth(struct redis *r)
{
    const struct slice words[] = {SLICE("AUTH"), r->user, secret_reveal(r->password)};
    const struct slice alone[] = {SLICE("AUTH"), secret_reveal(r->password)};

    return r->has_user ? say(r, words, ARRAY_LEN(words)) : say(r, alone, ARRAY_LEN(alone));
}

static int say_select(struct redis *r)
{
    char text[20];
    const struct slice words[] = {SLICE("SELECT"), slice_of(text, fmt_u64(text, r->db))};

    return say(r, words, ARRAY_LEN(words));
}

/* A PING is answered with why not, by a server that wants a password or is loading its file. */
static void greet(struct redis *r)
{
    const struct slice ping = SLICE("PING");
    int rc = OK;

    r->state = REDIS_GREETING;
    r->greetings = 0;
    if (r->has_password)
        rc = say_auth(r);
    if (rc == OK && r->db)
        rc = say_select(r);
    if (rc == OK)
        rc = say(r, &ping, 1);
    if (rc < 0)
        redis_lose(r, rc, SLICE(""));
    else
        redis_flush(r);
}

static void stand(struct redis *r)
{
    r->state = REDIS_UP;
    r->pause_ms = 0;
    timer_set(&r->timer, r->options.limits.silence_ms);
    if (r->out.at)
        secret_wipe(r->out.at, r->out.cap); /* the password was in it */
    if (r->options.on_state)
        r->options.on_state(r->options.owner, true);
}

void redis_greeted(struct redis *r)
{
    struct slice text = r->reply.values[0].text;

    /* who does not know AUTH says so and repeats the password */
    if (r->reply.values[0].kind == RESP_ERROR)
        redis_lose(r, -EACCES, slice_sub(text, 0, slice_find(text, SLICE(", with args"))));
    else if (--r->greetings == 0)
        stand(r);
}

/* --- the connection --- */

static void on_ready(void *owner, unsigned events);

/* Begins with the next address that does not refuse at once; fails when none is left. */
static void dial(struct redis *r, int rc)
{
    while (r->tried < r->resolve.len) {
        const union address *a = &r->resolve.addresses[r->tried++];
        const struct stream_connect to = {
            .address = &a->any,
            .address_len = address_len(a),
            .tls = r->tls ? r->options.tls : NULL,
            .host = r->host.at,
            .port = r->port,
        };
        rc = stream_connect(r->loop, &to, on_ready, r, &r->stream);
        if (rc == OK) {
            r->state = REDIS_CONNECTING;
            return;
        }
    }
    redis_lose(r, rc, SLICE(""));
}

static void progress(struct redis *r)
{
    int rc = stream_connected(r->stream);

    if (rc == OK) {
        greet(r);
    } else if (rc != AGAIN) {
        stream_close(r->stream);
        r->stream = NULL;
        dial(r, rc);
    }
}

static void on_ready(void *owner, unsigned events)
{
    struct redis *r = owner;

    if (r->state == REDIS_CONNECTING) {
        progress(r);
        return;
    }
    if (events & STREAM_WRITABLE)
        redis_flush(r);
    if (r->state >= REDIS_GREETING && (events & STREAM_READABLE))
        redis_read(r);
}

static void resolved(struct redis *r, int rc)
{
    r->tried = 0;
    if (rc < 0)
        redis_lose(r, rc, SLICE(""));
    else
        dial(r, -EHOSTUNREACH);
}

static void on_resolved(struct op *op, int rc)
{
    struct redis *r = container_of(op, struct redis, resolve.op);

    r->state = REDIS_DOWN;
    resolved(r, rc);
}

static void connect_begin(struct redis *r)
{
    timer_set(&r->timer, r->options.limits.connect_ms);
    r->resolve.op.done = on_resolved;
    int rc = resolve_start(r->loop, &r->resolve, r->host, r->port);
    if (rc == AGAIN)
        r->state = REDIS_RESOLVING;
    else
        resolved(r, rc);
}

void redis_on_timer(struct timer *t)
{
    struct redis *r = container_of(t, struct redis, timer);

    if (r->state == REDIS_DOWN)
        connect_begin(r);
    else if (r->state == REDIS_UP && redis_due(r) == 0)
        timer_set(t, r->options.limits.silence_ms);
    else
        redis_lose(r, -ETIMEDOUT, SLICE(""));
}
