/* tls_conn.h: one TLS connection on a socket, client side; private to io (see stream.h). */

#pragma once

#include "base/slice.h"
#include "io/tls.h"

#include <sys/types.h>

struct tls_conn;

/* fd stays the caller's and must stay open until tls_conn_free. -ENOMEM, -EINVAL (host). */
int tls_conn_new(struct tls_client *tls, int fd, const char *host, uint16_t port,
                 struct tls_conn **ret);
/* OK; AGAIN: call again when the socket is writable (*ret_wants_write) or readable; -EKEYREJECTED,
 * -EPROTO, -ECONNRESET or another -errno. */
int tls_conn_handshake(struct tls_conn *c, bool *ret_wants_write);
/* As stream_read and stream_writev. A write that was not taken must be repeated with the same
 * bytes at its front. */
ssize_t tls_conn_read(struct tls_conn *c, void *at, size_t n);
ssize_t tls_conn_writev(struct tls_conn *c, const struct slice *spans, size_t n);
bool tls_conn_pending(const struct tls_conn *c);
/* The session was resumed: no certificate was sent, no key exchanged in full. */
bool tls_conn_resumed(const struct tls_conn *c);
void tls_conn_free(struct tls_conn *c);
