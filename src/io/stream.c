/* stream.c: a connected socket under uv_poll, plain or TLS.
 *
 * libuv pays for each change of interest with two epoll_ctl calls. So reading stays watched: when
 * the owner wants no more bytes, the interest is only dropped once bytes come that nobody wants
 * (and then the hang-up is watched instead), and writing is watched only after -EAGAIN.
 *
 *   wanted    what the owner asked for
 *   watched   what epoll was told, a superset of wanted but for the moments in stream_apply */

#include "io/stream.h"
#include "io/loop_private.h"
#include "io/tls_conn.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>
#include <uv.h>

struct stream {
    uv_poll_t poll;
    stream_ready_fn ready;
    void *owner;
    struct tls_conn *tls; /* NULL: plain */
    int fd;
    uint8_t wanted;
    uint8_t watched;
    bool connecting; /* TCP has not said yet */
    bool gone;       /* STREAM_GONE was told: once is enough */
    bool closed;
};

_Static_assert(sizeof(struct slice) == sizeof(struct iovec) &&
                   offsetof(struct slice, at) == offsetof(struct iovec, iov_base) &&
                   offsetof(struct slice, len) == offsetof(struct iovec, iov_len),
               "spans go to the kernel as they are");

static void stream_on_poll(uv_poll_t *poll, int status, int events);

/* Tells libuv. Without READABLE the hang-up is watched, until it has been told. */
static void stream_apply(struct stream *s, unsigned events)
{
    int uv_events = 0;

    if (events & STREAM_READABLE)
        uv_events |= UV_READABLE;
    else if (!s->gone && !s->connecting)
        uv_events |= UV_DISCONNECT;
    if (events & STREAM_WRITABLE)
        uv_events |= UV_WRITABLE;
    s->watched = (uint8_t)(events & (STREAM_READABLE | STREAM_WRITABLE));
    uv_poll_start(&s->poll, uv_events, stream_on_poll);
}

static void stream_tell(struct stream *s, unsigned events)
{
    s->ready(s->owner, events);
}

/* An error on the socket: libuv has stopped watching. The owner learns the errno by reading or
 * writing; one that goes on reading what arrived before the error is told again. */
static void stream_on_error(struct stream *s)
{
    s->watched = 0;
    s->gone = true;
    stream_tell(s, s->wanted | STREAM_GONE);
    if (!s->closed && s->watched == 0 && s->wanted)
        stream_apply(s, s->wanted);
}

static void stream_on_poll(uv_poll_t *poll, int status, int uv_events)
{
    struct stream *s = container_of(poll, struct stream, poll);
    unsigned events = 0;

    if (status < 0) {
        stream_on_error(s);
        return;
    }
    if (uv_events & UV_READABLE)
        events |= STREAM_READABLE;
    if (uv_events & UV_WRITABLE)
        events |= STREAM_WRITABLE;
    if (events & ~(unsigned)s->wanted)
        stream_apply(s, s->wanted);
    events &= s->wanted;
    if (uv_events & UV_DISCONNECT) {
        s->gone = true;
        events |= STREAM_GONE;
        stream_apply(s, s->wanted);
    }
    if (events)
        stream_tell(s, events);
}

struct stream *stream_new_take(struct loop *loop, int fd, stream_ready_fn ready, void *owner)
{
    struct stream *s = calloc(1, sizeof(*s));

    if (!s || uv_poll_init(loop_uv(loop), &s->poll, fd) < 0) {
        free(s);
        close(fd);
        return NULL;
    }
    s->fd = fd;
    s->ready = ready;
    s->owner = owner;
    return s;
}

/* The socket, or -errno. */
static int stream_socket(int family)
{
    int one = 1;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

int stream_connect(struct loop *loop, const struct stream_connect *to, stream_ready_fn ready,
                   void *owner, struct stream **ret)
{
    int fd = stream_socket(to->address->sa_family);

    if (fd < 0)
        return fd;
    if (connect(fd, to->address, to->address_len) < 0 && errno != EINPROGRESS) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    struct stream *s = stream_new_take(loop, fd, ready, owner);
    if (!s)
        return -ENOMEM;
    s->connecting = true;
    if (to->tls) {
        int rc = tls_conn_new(to->tls, fd, to->host, to->port, &s->tls);
        if (rc < 0) {
            stream_close(s);
            return rc;
        }
    }
    stream_watch(s, STREAM_WRITABLE);
    *ret = s;
    return OK;
}

static int stream_connect_result(const struct stream *s)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return -errno;
    return -error;
}

int stream_connected(struct stream *s)
{
    if (s->connecting) {
        int rc = stream_connect_result(s);
        if (rc < 0)
            return rc;
        s->connecting = false;
    }
    if (!s->tls)
        return OK;

    bool wants_write = false;
    int rc = tls_conn_handshake(s->tls, &wants_write);
    if (rc == AGAIN)
        stream_watch(s, wants_write ? STREAM_WRITABLE : STREAM_READABLE);
    return rc;
}

ssize_t stream_read(struct stream *s, void *at, size_t n)
{
    if (s->tls)
        return tls_conn_read(s->tls, at, n);

    ssize_t got;
    do
        got = recv(s->fd, at, n, 0);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

ssize_t stream_writev(struct stream *s, const struct slice *spans, size_t n)
{
    if (s->tls)
        return tls_conn_writev(s->tls, spans, n);

    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)spans, .msg_iovlen = n};
    ssize_t put;
    do
        put = sendmsg(s->fd, &message, MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
    return put < 0 ? -errno : put;
}

void stream_watch(struct stream *s, unsigned events)
{
    unsigned before = s->wanted;
    s->wanted = (uint8_t)(events & (STREAM_READABLE | STREAM_WRITABLE));

    bool adds = s->wanted & ~(unsigned)s->watched;
    bool drops_write = (s->watched & STREAM_WRITABLE) && !(s->wanted & STREAM_WRITABLE);
    bool first =
        before == 0 && s->watched == 0 && !s->gone && !uv_is_active((uv_handle_t *)&s->poll);
    if (adds || drops_write || first)
        stream_apply(s, s->wanted);
}

bool stream_pending(const struct stream *s)
{
    return s->tls && tls_conn_pending(s->tls);
}

int stream_fd(const struct stream *s)
{
    return s->fd;
}

static void stream_on_close(uv_handle_t *handle)
{
    free(container_of((uv_poll_t *)handle, struct stream, poll));
}

void stream_close(struct stream *s)
{
    if (!s || s->closed)
        return;
    s->closed = true;
    tls_conn_free(s->tls);
    uv_close((uv_handle_t *)&s->poll, stream_on_close);
    close(s->fd);
}

void stream_abort(struct stream *s)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};

    if (!s || s->closed)
        return;
    setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    stream_close(s);
}
