/* tls_sessions.h: the last TLS session of each host:port, shared by all threads; private to io. */

#pragma once

#include "base/base.h"

struct ssl_session_st;
struct tls_sessions;
struct tls_peer; /* one host:port; counted, so a connection may outlast its place in the cache */

struct tls_sessions *tls_sessions_new(void);
/* After the last tls_peer_unref. */
void tls_sessions_free(struct tls_sessions *ts);

/* The peer, with one reference more. NULL: out of memory. Thread-safe, as all below. */
struct tls_peer *tls_peer_get(struct tls_sessions *ts, const char *host, uint16_t port);
void tls_peer_unref(struct tls_sessions *ts, struct tls_peer *peer);
/* Keeps a session for the next connection; takes the caller's reference to it. */
void tls_peer_store_take(struct tls_sessions *ts, struct tls_peer *peer,
                         struct ssl_session_st *session);
/* The session to offer, with a reference for the caller; NULL: none. */
struct ssl_session_st *tls_peer_session(struct tls_sessions *ts, struct tls_peer *peer);
