/* tls_client.h: the inside of a TLS client context, for tls_conn.c; private to io. */

#pragma once

#include "io/tls.h"
#include "io/tls_sessions.h"

struct ssl_ctx_st;
struct ssl_st;

struct tls_client {
    struct ssl_ctx_st *ctx;
    struct tls_sessions *sessions;
};

/* Says where the sessions of a connection belong. */
void tls_client_bind(struct ssl_st *ssl, struct tls_peer *peer);
