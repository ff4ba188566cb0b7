/* tls_sessions.c: TLS sessions by host:port, least recently used out first.
 *
 * A session is no constant: a connection that ends badly marks its own as not to be resumed, one
 * that is given a ticket reads the last while it makes the next. So what is kept here is in no
 * connection's hands, and each connection has a copy of its own. */

#include "io/tls_sessions.h"

#include "base/list.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A gateway speaks to a few dozen hosts; a session takes some KB. */
enum { TLS_PEERS_MAX = 256 };

struct tls_peer {
    struct list node; /* in recent; alone when it was pushed out */
    SSL_SESSION *session;
    unsigned refs; /* one of them is the cache's */
    uint16_t port;
    char host[];
};

struct tls_sessions {
    pthread_mutex_t lock; /* guards all of it, the peers too; held for moments */
    struct list recent;   /* most recently used first */
    size_t len;
};

struct tls_sessions *tls_sessions_new(void)
{
    struct tls_sessions *ts = calloc(1, sizeof(*ts));

    if (!ts)
        return NULL;
    pthread_mutex_init(&ts->lock, NULL);
    list_init(&ts->recent);
    return ts;
}

static void tls_peer_drop(struct tls_peer *peer)
{
    if (--peer->refs > 0)
        return;
    SSL_SESSION_free(peer->session);
    free(peer);
}

static void tls_sessions_evict(struct tls_sessions *ts, struct tls_peer *peer)
{
    list_remove(&peer->node);
    ts->len--;
    tls_peer_drop(peer);
}

void tls_sessions_free(struct tls_sessions *ts)
{
    if (!ts)
        return;
    while (!list_is_empty(&ts->recent))
        tls_sessions_evict(ts, list_entry(ts->recent.next, struct tls_peer, node));
    pthread_mutex_destroy(&ts->lock);
    free(ts);
}

static struct tls_peer *tls_sessions_find(struct tls_sessions *ts, const char *host, uint16_t port)
{
    list_for_each(it, &ts->recent)
    {
        struct tls_peer *peer = list_entry(it, struct tls_peer, node);
        if (peer->port == port && strcmp(peer->host, host) == 0)
            return peer;
    }
    return NULL;
}

static struct tls_peer *tls_sessions_add(struct tls_sessions *ts, const char *host, uint16_t port)
{
    size_t len = strlen(host) + 1;
    struct tls_peer *peer = calloc(1, sizeof(*peer) + len);

    if (!peer)
        return NULL;
    memcpy(peer->host, host, len);
    peer->port = port;
    peer->refs = 1;
    list_init(&peer->node);
    if (ts->len == TLS_PEERS_MAX)
        tls_sessions_evict(ts, list_entry(ts->recent.prev, struct tls_peer, node));
    ts->len++;
    return peer;
}

struct tls_peer *tls_peer_get(struct tls_sessions *ts, const char *host, uint16_t port)
{
    pthread_mutex_lock(&ts->lock);
    struct tls_peer *peer = tls_sessions_find(ts, host, port);
    if (!peer)
        peer = tls_sessions_add(ts, host, port);
    if (peer) {
        list_remove(&peer->node);
        list_add(&ts->recent, &peer->node);
        peer->refs++;
    }
    pthread_mutex_unlock(&ts->lock);
    return peer;
}

void tls_peer_unref(struct tls_sessions *ts, struct tls_peer *peer)
{
    pthread_mutex_lock(&ts->lock);
    tls_peer_drop(peer);
    pthread_mutex_unlock(&ts->lock);
}

static void tls_peer_replace(struct tls_sessions *ts, struct tls_peer *peer, SSL_SESSION *by)
{
    pthread_mutex_lock(&ts->lock);
    SSL_SESSION *old = peer->session;
    peer->session = by;
    pthread_mutex_unlock(&ts->lock);
    SSL_SESSION_free(old);
}

void tls_peer_store(struct tls_sessions *ts, struct tls_peer *peer,
                    const struct ssl_session_st *session)
{
    SSL_SESSION *copy = SSL_SESSION_dup(session);

    if (copy)
        tls_peer_replace(ts, peer, copy);
}

void tls_peer_forget(struct tls_sessions *ts, struct tls_peer *peer)
{
    tls_peer_replace(ts, peer, NULL);
}

struct ssl_session_st *tls_peer_session(struct tls_sessions *ts, struct tls_peer *peer)
{
    pthread_mutex_lock(&ts->lock);
    SSL_SESSION *session = peer->session ? SSL_SESSION_dup(peer->session) : NULL;
    pthread_mutex_unlock(&ts->lock);
    return session;
}
