/* tls_peer.h: a TLS server on a thread of its own, with certificates made on the spot. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_peer_server;

/* What the server does with a connection, once the handshake is done; blocking calls. */
typedef void (*tls_peer_serve_fn)(struct tls_peer_server *s);

/* A CA of its own and, signed by it, a certificate for localhost and 127.0.0.1. */
struct tls_peer_server *tls_peer_start(tls_peer_serve_fn serve);
uint16_t tls_peer_port(const struct tls_peer_server *s);
/* A PEM file with the CA; gone after tls_peer_stop. */
const char *tls_peer_ca_file(const struct tls_peer_server *s);
/* Ends the thread; asks how many connections resumed a session and how many did not first. */
void tls_peer_stop(struct tls_peer_server *s);
unsigned tls_peer_resumed(const struct tls_peer_server *s);
unsigned tls_peer_full(const struct tls_peer_server *s);
/* The name that the client asked for (SNI) last; empty: none. For the serve function and, when the
 * server is quiet, the test. */
const char *tls_peer_name_asked(const struct tls_peer_server *s);

/* Within serve. Bytes, 0 at the end or on a fault. */
size_t tls_peer_read(struct tls_peer_server *s, void *at, size_t n);
void tls_peer_write(struct tls_peer_server *s, const void *at, size_t n);
/* Bytes that are no record: the client's answer is a fatal alert. */
void tls_peer_garble(struct tls_peer_server *s);
/* Sends close_notify; without it the end is a cut. */
void tls_peer_notify(struct tls_peer_server *s);
