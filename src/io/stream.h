/* stream.h: a connected byte stream, plain TCP or TLS, readiness-based.
 *
 * The owner reads and writes when told that it can; nothing is buffered here (TLS records aside).
 * What was measured decides the shape: our own readv/writev on uv_poll, SSL_set_fd for TLS. */

#pragma once

#include "base/slice.h"
#include "io/loop.h"

#include <sys/socket.h>
#include <sys/types.h>

struct stream;
struct tls_client; /* io/tls.h */

enum {
    STREAM_READABLE = 1,
    STREAM_WRITABLE = 2,
    STREAM_GONE = 4, /* watched always: the peer closed or reset, also while reading is paused */
};

/* events: what is ready, of those watched; STREAM_GONE comes whether watched or not. May close the
 * stream. */
typedef void (*stream_ready_fn)(void *owner, unsigned events);

/* Takes a connected, non-blocking socket. NULL: the fd has been closed. Nothing is watched yet. */
struct stream *stream_new_take(struct loop *loop, int fd, stream_ready_fn ready, void *owner);
/* Begins to connect. *ret is set when OK is returned; readiness then means: ask stream_connected.
 * The stream watches what it needs itself until that says OK. For TLS the handshake is part of
 * it. */
struct stream_connect {
    const struct sockaddr *address;
    socklen_t address_len;
    struct tls_client *tls; /* NULL: plain */
    const char *host;       /* TLS: for SNI, verification and the session cache */
    uint16_t port;          /* TLS: for the session cache */
};
int stream_connect(struct loop *loop, const struct stream_connect *to, stream_ready_fn ready,
                   void *owner, struct stream **ret);
/* Called on readiness until it is not AGAIN: OK, AGAIN, or -errno (-ECONNREFUSED …; -EPROTO: the
 * TLS handshake failed, -EKEYREJECTED: the certificate did not verify). */
int stream_connected(struct stream *s);

/* > 0: bytes; 0: end of stream (TLS: close_notify); -EAGAIN: watch READABLE; else -errno.
 * TLS without close_notify is -ECONNRESET: a cut, not an end. */
ssize_t stream_read(struct stream *s, void *at, size_t n);
/* > 0: bytes taken, maybe fewer than all; -EAGAIN: watch WRITABLE; else -errno. n <= 64 spans. */
ssize_t stream_writev(struct stream *s, const struct slice *spans, size_t n);
/* Replaces what is watched. Costs a system call (at the end of the turn) only when it changes. */
void stream_watch(struct stream *s, unsigned events);
/* True when decrypted bytes wait that no readiness will announce. */
bool stream_pending(const struct stream *s);
int stream_fd(const struct stream *s);
/* Closes and frees, at once; no event comes after it. NULL is harmless. */
void stream_close(struct stream *s);
/* The same, but with RST: what was not sent is thrown away and the peer learns it at once. */
void stream_abort(struct stream *s);
