/* tls.c: the TLS client context of a process. */

#include "io/tls.h"
#include "io/tls_client.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

static int tls_on_new_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_client *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    tls_peer_store(tls->sessions, SSL_get_app_data(ssl), session);
    return 0; /* the connection's own: no reference was kept */
}

void tls_client_bind(struct ssl_st *ssl, struct tls_peer *peer)
{
    SSL_set_app_data(ssl, peer);
}

/* OpenSSL works out the extensions of a certificate when it first needs them: on the road, under a
 * lock, and handed to other threads by an atomic flag that ThreadSanitizer does not see. Done here,
 * while there is one thread, it costs 5 us a certificate, and no handshake writes what all share.
 * One that is invalid stays invalid: a chain that needs it is refused. */
static void tls_client_work_out(SSL_CTX *ctx)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(ctx));

    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *cert = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        if (cert)
            X509_check_purpose(cert, -1, 0);
    }
}

static int tls_client_trust(SSL_CTX *ctx, const char *ca_file)
{
    int ok =
        ca_file ? SSL_CTX_load_verify_file(ctx, ca_file) : SSL_CTX_set_default_verify_paths(ctx);

    tls_client_work_out(ctx);
    ERR_clear_error();
    return ok == 1 ? OK : -EINVAL;
}

static int tls_client_set_up(struct tls_client *tls, const char *ca_file)
{
    static const unsigned char alpn[] = "\x08http/1.1";
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    tls->ctx = ctx;
    tls->sessions = tls_sessions_new();
    if (!ctx || !tls->sessions)
        return -ENOMEM;
    SSL_CTX_set_app_data(ctx, tls);
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(ctx, 1); /* a record's header and body in one read */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, tls_on_new_session);
    if (SSL_CTX_set_alpn_protos(ctx, alpn, sizeof(alpn) - 1) != 0)
        return -ENOMEM;
    return tls_client_trust(ctx, ca_file);
}

int tls_client_new(const char *ca_file, struct tls_client **ret)
{
    struct tls_client *tls = calloc(1, sizeof(*tls));

    if (!tls)
        return -ENOMEM;
    int rc = tls_client_set_up(tls, ca_file);
    if (rc < 0) {
        tls_client_free(tls);
        return rc;
    }
    *ret = tls;
    return OK;
}

void tls_client_free(struct tls_client *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->ctx);
    tls_sessions_free(tls->sessions);
    free(tls);
}
