/* client_origin.c: where calls go: a table of origins, and the addresses of each.
 *
 * Addresses are kept for a while and used in turn, one further for each new connection. When the
 * name cannot be resolved any more, the old addresses go on serving. */

#include "http/client_conn.h"

#include <errno.h>
#include <stdlib.h>

enum { ADDRESSES_MS = 30 * 1000 };

static struct list *origin_bucket(struct client *c, const struct origin *to)
{
    return &c->origins[to->hash % CLIENT_BUCKETS];
}

struct client_origin *client_origin_find(struct client *c, const struct origin *to)
{
    list_for_each(it, origin_bucket(c, to))
    {
        struct client_origin *o = list_entry(it, struct client_origin, node);
        if (o->hash == to->hash && slice_eq(slice_of(o->key, o->key_len), to->key))
            return o;
    }
    return NULL;
}

static bool origin_is_unused(const struct client_origin *o)
{
    return o->open == 0 && o->line_len == 0 && !o->resolving;
}

/* Configurations come and go: what they named once is not kept for ever. */
static void origins_sweep(struct client *c)
{
    for (size_t i = 0; i < CLIENT_BUCKETS; i++) {
        list_for_each_safe(it, &c->origins[i])
        {
            struct client_origin *o = list_entry(it, struct client_origin, node);
            if (origin_is_unused(o))
                client_origin_free(o);
        }
    }
}

static struct client_origin *origin_new(struct client *c, const struct origin *to)
{
    struct client_origin *o = calloc(1, sizeof(*o) + to->key.len + to->host.len + 1);

    if (!o)
        return NULL;
    o->client = c;
    o->hash = to->hash;
    o->port = to->port;
    o->tls = to->tls;
    o->key_len = to->key.len;
    o->host = o->key + to->key.len;
    memcpy(o->key, to->key.at, to->key.len);
    memcpy(o->host, to->host.at, to->host.len); /* calloc ends it with NUL */
    list_init(&o->conns);
    list_init(&o->idle);
    list_init(&o->line);
    turn_end_init(&o->serve_line, client_pool_serve_line);
    list_add(origin_bucket(c, to), &o->node);
    c->origins_len++;
    return o;
}

struct client_origin *client_origin_get(struct client *c, const struct origin *to)
{
    struct client_origin *o = client_origin_find(c, to);

    if (o)
        return o;
    if (c->origins_len >= CLIENT_ORIGINS)
        origins_sweep(c);
    return origin_new(c, to);
}

void client_origin_free(struct client_origin *o)
{
    resolve_cancel(&o->resolve);
    turn_end_cancel(&o->serve_line);
    list_remove(&o->node);
    o->client->origins_len--;
    free(o);
}

static void origin_keep_addresses(struct client_origin *o)
{
    o->addresses_len = o->resolve.len;
    memcpy(o->addresses, o->resolve.addresses, o->resolve.len * sizeof(o->addresses[0]));
    o->expires_ms = loop_now_ms(o->client->loop) + ADDRESSES_MS;
}

static void origin_on_resolved(struct op *op, int rc)
{
    struct client_origin *o = container_of(op, struct client_origin, resolve.op);

    o->resolving = false;
    if (rc == OK)
        origin_keep_addresses(o);
    else if (o->addresses_len)
        rc = OK; /* old ones are better than none */
    list_for_each(it, &o->conns)
    {
        struct client_conn *conn = list_entry(it, struct client_conn, node);
        if (conn->state != CONN_RESOLVING)
            continue;
        conn->rc = rc == -EAGAIN ? -EHOSTUNREACH : rc;
        turn_end_queue(o->client->loop, &conn->turn);
    }
}

int client_origin_resolve(struct client_origin *o)
{
    if (o->resolving)
        return AGAIN;
    if (o->addresses_len && loop_now_ms(o->client->loop) < o->expires_ms)
        return OK;

    o->resolve.op.done = origin_on_resolved;
    int rc = resolve_start(o->client->loop, &o->resolve, slice_str(o->host), o->port);
    if (rc == OK)
        origin_keep_addresses(o);
    o->resolving = rc == AGAIN;
    return rc;
}

void client_origin_doubt(struct client_origin *o)
{
    o->expires_ms = 0;
}
