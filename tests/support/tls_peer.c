/* tls_peer.c: a TLS server on a thread of its own, with certificates made on the spot. */

#include "support/tls_peer.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct tls_peer_server {
    SSL_CTX *ctx;
    SSL *ssl; /* of the connection being served */
    tls_peer_serve_fn serve;
    pthread_t thread;
    int listen_fd;
    uint16_t port;
    atomic_uint resumed, full;
    char name_asked[256];
    char ca_file[64];
};

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void cert_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    must(e && X509_add_ext(cert, e, -1) == 1);
    X509_EXTENSION_free(e);
}

static X509 *cert_new(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    static atomic_long serial = 1;
    X509 *cert = X509_new();
    X509_NAME *subject = X509_get_subject_name(cert);

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 24 * 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert));
    if (issuer)
        cert_extend(cert, issuer, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    else
        cert_extend(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
    must(X509_sign(cert, issuer_key, EVP_sha256()) > 0);
    return cert;
}

static void ca_write(struct tls_peer_server *s, X509 *ca)
{
    memcpy(s->ca_file, "/tmp/courier-test-ca-XXXXXX", sizeof("/tmp/courier-test-ca-XXXXXX"));
    int fd = mkstemp(s->ca_file);
    FILE *f = fdopen(fd, "w");

    must(f && PEM_write_X509(f, ca) == 1);
    fclose(f);
}

static int peer_on_name(SSL *ssl, int *alert, void *arg)
{
    struct tls_peer_server *s = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    (void)alert;

    strncpy(s->name_asked, name ? name : "", sizeof(s->name_asked) - 1);
    return SSL_TLSEXT_ERR_OK;
}

static void peer_certify(struct tls_peer_server *s)
{
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    X509 *ca = cert_new("courier test CA", ca_key, NULL, ca_key);
    X509 *cert = cert_new("localhost", key, ca, ca_key);

    s->ctx = SSL_CTX_new(TLS_server_method());
    must(SSL_CTX_use_certificate(s->ctx, cert) == 1 && SSL_CTX_use_PrivateKey(s->ctx, key) == 1);
    SSL_CTX_set_session_id_context(s->ctx, (const unsigned char *)"test", 4);
    SSL_CTX_set_tlsext_servername_callback(s->ctx, peer_on_name);
    SSL_CTX_set_tlsext_servername_arg(s->ctx, s);
    ca_write(s, ca);
    X509_free(ca);
    X509_free(cert);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(key);
}

static void peer_serve(struct tls_peer_server *s, int fd)
{
    s->name_asked[0] = 0;
    s->ssl = SSL_new(s->ctx);
    SSL_set_fd(s->ssl, fd);
    if (SSL_accept(s->ssl) == 1) {
        atomic_fetch_add(SSL_session_reused(s->ssl) ? &s->resumed : &s->full, 1);
        s->serve(s);
    }
    ERR_clear_error();
    SSL_free(s->ssl);
    close(fd);
}

static void *peer_run(void *arg)
{
    struct tls_peer_server *s = arg;
    int fd;

    while ((fd = accept(s->listen_fd, NULL, NULL)) >= 0)
        peer_serve(s, fd);
    return NULL;
}

struct tls_peer_server *tls_peer_start(tls_peer_serve_fn serve)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    struct tls_peer_server *s = calloc(1, sizeof(*s));

    must(s != NULL);
    s->serve = serve;
    peer_certify(s);
    s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(s->listen_fd, (struct sockaddr *)&a, len) == 0 && listen(s->listen_fd, 64) == 0);
    must(getsockname(s->listen_fd, (struct sockaddr *)&a, &len) == 0);
    s->port = ntohs(a.sin_port);
    must(pthread_create(&s->thread, NULL, peer_run, s) == 0);
    return s;
}

void tls_peer_stop(struct tls_peer_server *s)
{
    shutdown(s->listen_fd, SHUT_RDWR); /* accept returns */
    pthread_join(s->thread, NULL);
    close(s->listen_fd);
    unlink(s->ca_file);
    SSL_CTX_free(s->ctx);
    free(s);
}

uint16_t tls_peer_port(const struct tls_peer_server *s)
{
    return s->port;
}

const char *tls_peer_ca_file(const struct tls_peer_server *s)
{
    return s->ca_file;
}

unsigned tls_peer_resumed(const struct tls_peer_server *s)
{
    return atomic_load(&s->resumed);
}

unsigned tls_peer_full(const struct tls_peer_server *s)
{
    return atomic_load(&s->full);
}

const char *tls_peer_name_asked(const struct tls_peer_server *s)
{
    return s->name_asked;
}

size_t tls_peer_read(struct tls_peer_server *s, void *at, size_t n)
{
    int got = SSL_read(s->ssl, at, (int)n);

    return got > 0 ? (size_t)got : 0;
}

void tls_peer_write(struct tls_peer_server *s, const void *at, size_t n)
{
    SSL_write(s->ssl, at, (int)n);
}

void tls_peer_garble(struct tls_peer_server *s)
{
    must(write(SSL_get_fd(s->ssl), "no record", 9) == 9);
}

void tls_peer_notify(struct tls_peer_server *s)
{
    SSL_shutdown(s->ssl);
}
