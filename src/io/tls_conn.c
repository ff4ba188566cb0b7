/* tls_conn.c: one TLS connection on a socket, client side, over OpenSSL with SSL_set_fd.
 *
 * Reads as many records as fit and wait; writes small spans together, one record of up to 16 KB
 * for each SSL_write, because each record is a system call and some 22 bytes more on the wire. */

#include "io/tls_conn.h"
#include "io/tls_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

enum { TLS_RECORD = 16 * 1024 };

struct tls_conn {
    SSL *ssl;
    struct tls_client *tls;
    struct tls_peer *peer;
    int end;      /* what the next reads return, once ended */
    bool ended;   /* the end was met behind bytes that had to be given first */
    bool starved; /* the last read found no whole record: only the socket can bring more */
};

/* The certificate must be for this host; a literal address is compared as an address and sent in no
 * SNI (RFC 6066 section 3). */
static bool tls_conn_expect(SSL *ssl, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static void tls_conn_offer_session(struct tls_conn *c)
{
    SSL_SESSION *session = tls_peer_session(c->tls->sessions, c->peer);

    if (!session)
        return;
    SSL_set_session(c->ssl, session);
    SSL_SESSION_free(session);
}

int tls_conn_new(struct tls_client *tls, int fd, const char *host, uint16_t port,
                 struct tls_conn **ret)
{
    struct tls_conn *c = calloc(1, sizeof(*c));

    if (!c)
        return -ENOMEM;
    c->tls = tls;
    c->peer = tls_peer_get(tls->sessions, host, port);
    c->ssl = SSL_new(tls->ctx);
    if (!c->peer || !c->ssl || SSL_set_fd(c->ssl, fd) != 1) {
        tls_conn_free(c);
        return -ENOMEM;
    }
    if (!tls_conn_expect(c->ssl, host)) {
        tls_conn_free(c);
        return -EINVAL;
    }
    tls_client_bind(c->ssl, c->peer);
    SSL_set_connect_state(c->ssl);
    tls_conn_offer_session(c);
    *ret = c;
    return OK;
}

/* What a failed call means; 0 only for the peer's close_notify. */
static int tls_conn_error(const struct tls_conn *c, int result)
{
    int error = errno;

    switch (SSL_get_error(c->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        return error ? -error : -ECONNRESET;
    default:
        if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
            return -ECONNRESET;
        tls_peer_forget(c->tls->sessions, c->peer);
        return -EPROTO;
    }
}

int tls_conn_handshake(struct tls_conn *c, bool *ret_wants_write)
{
    ERR_clear_error();
    errno = 0;
    int result = SSL_do_handshake(c->ssl);
    if (result == 1)
        return OK;

    int rc = tls_conn_error(c, result);
    if (rc == -EAGAIN) {
        *ret_wants_write = SSL_want_write(c->ssl);
        return AGAIN;
    }
    if (rc == -EPROTO && SSL_get_verify_result(c->ssl) != X509_V_OK)
        return -EKEYREJECTED;
    return rc == 0 ? -ECONNRESET : rc;
}

ssize_t tls_conn_read(struct tls_conn *c, void *at, size_t n)
{
    size_t total = 0;

    while (total < n && !c->ended) {
        size_t got = 0;
        ERR_clear_error();
        errno = 0;
        int result = SSL_read_ex(c->ssl, (char *)at + total, n - total, &got);
        c->starved = false;
        if (result == 1) {
            total += got;
            if (!SSL_has_pending(c->ssl))
                break;
            continue;
        }
        int rc = tls_conn_error(c, result);
        c->starved = rc == -EAGAIN;
        if (c->starved)
            return total ? (ssize_t)total : -EAGAIN;
        c->ended = true;
        c->end = rc;
    }
    return total ? (ssize_t)total : c->end;
}

bool tls_conn_pending(const struct tls_conn *c)
{
    return c->ended || (!c->starved && SSL_has_pending(c->ssl));
}

struct tls_cursor {
    const struct slice *spans;
    size_t n;   /* spans left, the one at hand included */
    size_t off; /* taken of the one at hand */
};

static void tls_cursor_skip(struct tls_cursor *at, size_t n)
{
    while (at->n && n >= at->spans->len - at->off) {
        n -= at->spans->len - at->off;
        at->spans++;
        at->n--;
        at->off = 0;
    }
    at->off += n;
}

/* The next bytes to write: of a long span itself, of short ones a copy in record. Depends only on
 * the bytes, so a write that is repeated begins with the same ones. */
static struct slice tls_gather(struct tls_cursor at, char record[TLS_RECORD])
{
    size_t len = 0;

    tls_cursor_skip(&at, 0);
    if (at.n && (at.n == 1 || at.spans->len - at.off >= TLS_RECORD))
        return slice_sub(*at.spans, at.off, at.spans->len);
    while (at.n && len < TLS_RECORD) {
        size_t piece = MIN(at.spans->len - at.off, TLS_RECORD - len);
        memcpy(record + len, at.spans->at + at.off, piece);
        len += piece;
        tls_cursor_skip(&at, piece);
    }
    return slice_of(record, len);
}

ssize_t tls_conn_writev(struct tls_conn *c, const struct slice *spans, size_t n)
{
    char record[TLS_RECORD];
    struct tls_cursor at = {.spans = spans, .n = n};
    ssize_t total = 0;

    for (;;) {
        struct slice piece = tls_gather(at, record);
        size_t put = 0;
        if (piece.len == 0)
            return total;
        ERR_clear_error();
        errno = 0;
        int result = SSL_write_ex(c->ssl, piece.at, piece.len, &put);
        if (result != 1) {
            int rc = tls_conn_error(c, result);
            return total ? total : rc == 0 ? -EPIPE : rc;
        }
        total += (ssize_t)put;
        tls_cursor_skip(&at, put);
    }
}

bool tls_conn_resumed(const struct tls_conn *c)
{
    return SSL_session_reused(c->ssl) == 1;
}

void tls_conn_free(struct tls_conn *c)
{
    if (!c)
        return;
    if (c->ssl) {
        /* else OpenSSL takes the session for broken and never offers it again */
        SSL_set_shutdown(c->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(c->ssl);
    }
    if (c->peer)
        tls_peer_unref(c->tls->sessions, c->peer);
    free(c);
}
