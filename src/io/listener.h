/* listener.h: a listening TCP socket on a loop. */

#pragma once

#include "base/slice.h"
#include "io/loop.h"

struct listener;

struct listener_options {
    struct slice address; /* "127.0.0.1:8080", "[::1]:8080", ":8080" (all), port 0: any */
    bool reuse_port;      /* SO_REUSEPORT: one listener for each worker on the same address */
    int backlog;          /* 0: the system's most */
};

/* fd: connected, non-blocking, TCP_NODELAY set; the callee owns it. */
typedef void (*listener_accept_fn)(void *owner, int fd);

/* -EADDRINUSE, -EACCES, -EINVAL (address). Out of descriptors while accepting: pauses 100 ms. */
int listener_open(struct loop *loop, const struct listener_options *options,
                  listener_accept_fn accept, void *owner, struct listener **ret);
uint16_t listener_port(const struct listener *l);
/* Closes the socket and frees; no accept comes after it. */
void listener_close(struct listener *l);
