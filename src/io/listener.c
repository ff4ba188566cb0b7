/* listener.c: a listening TCP socket under uv_poll. */

#include "io/listener.h"
#include "io/loop_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

enum {
    ACCEPT_BATCH = 64,    /* connections taken before other sockets have their turn */
    ACCEPT_PAUSE_MS = 100 /* out of descriptors: looking again at once would spin */
};

struct listener {
    uv_poll_t poll;
    struct timer pause;
    listener_accept_fn accept;
    void *owner;
    int fd;
    uint16_t port;
    bool closed;
};

union bind_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static void listener_on_poll(uv_poll_t *poll, int status, int events);

/* "host:port" with the host in brackets for IPv6; an empty host means all addresses. */
static int listener_parse(struct slice text, union bind_address *ret, socklen_t *ret_len)
{
    char host[INET6_ADDRSTRLEN];
    size_t colon = text.len;
    uint64_t port;

    while (colon > 0 && text.at[colon - 1] != ':')
        colon--;
    if (colon == 0 || slice_to_u64(slice_sub(text, colon, text.len), &port) < 0 || port > 65535)
        return -EINVAL;

    struct slice name = slice_sub(text, 0, colon - 1);
    bool v6 = name.len >= 2 && name.at[0] == '[' && name.at[name.len - 1] == ']';
    if (v6)
        name = slice_sub(name, 1, name.len - 1);
    if (name.len >= sizeof(host))
        return -EINVAL;
    memcpy(host, name.at, name.len);
    host[name.len] = 0;

    memset(ret, 0, sizeof(*ret));
    if (v6 || name.len == 0) {
        ret->v6.sin6_family = AF_INET6;
        ret->v6.sin6_port = htons((uint16_t)port);
        *ret_len = sizeof(ret->v6);
        return name.len == 0 || inet_pton(AF_INET6, host, &ret->v6.sin6_addr) == 1 ? OK : -EINVAL;
    }
    ret->v4.sin_family = AF_INET;
    ret->v4.sin_port = htons((uint16_t)port);
    *ret_len = sizeof(ret->v4);
    return inet_pton(AF_INET, host, &ret->v4.sin_addr) == 1 ? OK : -EINVAL;
}

static int listener_socket(const struct listener_options *options,
                           const union bind_address *address, socklen_t address_len)
{
    int one = 1, zero = 0;
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (options->reuse_port)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
    if (address->any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
    /* accepted sockets inherit it: a system call less for each of them */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

    int backlog = options->backlog > 0 ? options->backlog : 65535; /* cut to net.core.somaxconn */
    if (bind(fd, &address->any, address_len) < 0 || listen(fd, backlog) < 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

static int listener_bind(const struct listener_options *options)
{
    union bind_address address;
    socklen_t len;
    int rc = listener_parse(options->address, &address, &len);

    if (rc < 0)
        return rc;
    int fd = listener_socket(options, &address, len);
    if (fd == -EAFNOSUPPORT && options->address.at[0] == ':') {
        in_port_t port = address.v6.sin6_port; /* all addresses, on a host without IPv6 */
        memset(&address, 0, sizeof(address));
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = port;
        fd = listener_socket(options, &address, sizeof(address.v4));
    }
    return fd;
}

static uint16_t listener_bound_port(int fd)
{
    union bind_address address = {0};
    socklen_t len = sizeof(address);

    getsockname(fd, &address.any, &len);
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

static void listener_resume(struct timer *t)
{
    struct listener *l = container_of(t, struct listener, pause);

    uv_poll_start(&l->poll, UV_READABLE, listener_on_poll);
}

static bool listener_is_short(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void listener_on_poll(uv_poll_t *poll, int status, int events)
{
    struct listener *l = container_of(poll, struct listener, poll);
    (void)status;
    (void)events;

    for (unsigned i = 0; i < ACCEPT_BATCH && !l->closed; i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            l->accept(l->owner, fd);
            continue;
        }
        if (errno == EAGAIN)
            return;
        if (listener_is_short(errno) && timer_set(&l->pause, ACCEPT_PAUSE_MS) == OK) {
            uv_poll_stop(&l->poll);
            return;
        }
        /* else a connection that died while it waited: the next one */
    }
}

int listener_open(struct loop *loop, const struct listener_options *options,
                  listener_accept_fn accept, void *owner, struct listener **ret)
{
    int fd = listener_bind(options);

    if (fd < 0)
        return fd;
    struct listener *l = calloc(1, sizeof(*l));
    if (!l || uv_poll_init(loop_uv(loop), &l->poll, fd) < 0) {
        free(l);
        close(fd);
        return -ENOMEM;
    }
    l->fd = fd;
    l->port = listener_bound_port(fd);
    l->accept = accept;
    l->owner = owner;
    timer_init(&l->pause, loop, listener_resume);
    uv_poll_start(&l->poll, UV_READABLE, listener_on_poll);
    *ret = l;
    return OK;
}

uint16_t listener_port(const struct listener *l)
{
    return l->port;
}

static void listener_on_close(uv_handle_t *handle)
{
    free(container_of((uv_poll_t *)handle, struct listener, poll));
}

void listener_close(struct listener *l)
{
    if (!l || l->closed)
        return;
    l->closed = true;
    timer_stop(&l->pause);
    uv_close((uv_handle_t *)&l->poll, listener_on_close);
    close(l->fd);
}
