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
/* Keeps a copy of the session for the next connection; without memory, the one before. */
void tls_peer_store(struct tls_sessions *ts, struct tls_peer *peer,
                    const struct ssl_session_st *session);
/* A fatal alert ends what may be resumed (RFC 8446 section 6.2): the session may be what is wrong.
 */
void tls_peer_forget(struct tls_sessions *ts, struct tls_peer *peer);
/* A copy of the session to offer, the caller's own; NULL: none. */
struct ssl_session_st *tls_peer_session(struct tls_sessions *ts, struct tls_peer *peer);
