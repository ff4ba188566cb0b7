/* raw_peer.c: the other side of a connection, by hand. */

#include "support/raw_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void must(bool ok)
{
    if (!ok)
        abort();
}

static int raw_listen(uint16_t *ret_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    must(fd >= 0 && bind(fd, (struct sockaddr *)&a, len) == 0 && listen(fd, 64) == 0);
    must(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
    *ret_port = ntohs(a.sin_port);
    return fd;
}

uint16_t raw_peer_dead_port(void)
{
    uint16_t port;

    close(raw_listen(&port));
    return port;
}

void raw_peer_open(struct raw_peer *p)
{
    memset(p, 0, sizeof(*p));
    p->listen_fd = raw_listen(&p->port);
}

void raw_peer_stop(struct raw_peer *p)
{
    if (p->listen_fd >= 0)
        close(p->listen_fd);
    p->listen_fd = -1;
}

void raw_peer_close(struct raw_peer *p)
{
    raw_peer_stop(p);
    for (size_t i = 0; i < p->len; i++) {
        raw_peer_hang_up(p, i);
        free(p->conns[i].bytes);
    }
    p->len = 0;
}

static void raw_accept(struct raw_peer *p)
{
    while (p->listen_fd >= 0 && p->len < RAW_PEER_CONNS) {
        int fd = accept4(p->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        char *bytes = malloc(RAW_PEER_BYTES + 1);
        must(bytes != NULL);
        bytes[0] = 0;
        p->conns[p->len++] = (struct raw_conn){.fd = fd, .bytes = bytes};
    }
}

static void raw_read(struct raw_conn *c)
{
    while (c->fd >= 0 && !c->ended) {
        ssize_t n = recv(c->fd, c->bytes + c->len, RAW_PEER_BYTES - c->len, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            c->ended = true;
            return;
        }
        c->len += (size_t)n;
        c->bytes[c->len] = 0;
    }
}

void raw_peer_poll(struct raw_peer *p)
{
    raw_accept(p);
    for (size_t i = 0; i < p->len && !p->deaf; i++)
        raw_read(&p->conns[i]);
}

void raw_peer_send(struct raw_peer *p, size_t conn, const char *bytes, size_t n)
{
    while (n) {
        ssize_t put = send(p->conns[conn].fd, bytes, n, MSG_NOSIGNAL);
        if (put < 0 && errno == EAGAIN) {
            struct pollfd room = {.fd = p->conns[conn].fd, .events = POLLOUT};
            poll(&room, 1, 1000);
            continue;
        }
        if (put < 0)
            return; /* the other side has gone: the test sees it elsewhere */
        bytes += put;
        n -= (size_t)put;
    }
}

void raw_peer_say(struct raw_peer *p, size_t conn, const char *text)
{
    raw_peer_send(p, conn, text, strlen(text));
}

void raw_peer_hang_up(struct raw_peer *p, size_t conn)
{
    if (p->conns[conn].fd >= 0)
        close(p->conns[conn].fd);
    p->conns[conn].fd = -1;
}

void raw_peer_reset(struct raw_peer *p, size_t conn)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};

    setsockopt(p->conns[conn].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    raw_peer_hang_up(p, conn);
}

void raw_peer_forget(struct raw_peer *p, size_t conn)
{
    p->conns[conn].len = 0;
    p->conns[conn].bytes[0] = 0;
}
