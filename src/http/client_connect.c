/* client_connect.c: a new connection until it stands: name, TCP, TLS, within one deadline. */

#include "http/client_conn.h"

#include <errno.h>

static socklen_t address_len(const union address *a)
{
    return a->any.sa_family == AF_INET6 ? sizeof(a->v6) : sizeof(a->v4);
}

/* Begins with the next address that does not refuse at once; fails when none is left. */
static void client_conn_dial(struct client_conn *conn, int rc)
{
    struct client_origin *o = conn->origin;

    while (conn->tried < o->addresses_len) {
        const union address *a = &o->addresses[(conn->first + conn->tried++) % o->addresses_len];
        const struct stream_connect to = {
            .address = &a->any,
            .address_len = address_len(a),
            .tls = o->tls ? conn->client->options.tls : NULL,
            .host = o->host,
            .port = o->port,
        };
        rc = stream_connect(conn->client->loop, &to, client_conn_on_ready, conn, &conn->stream);
        if (rc == OK) {
            conn->state = CONN_CONNECTING;
            return;
        }
    }
    client_origin_doubt(o);
    client_conn_fail(conn, rc);
}

static void client_conn_dial_first(struct client_conn *conn)
{
    struct client_origin *o = conn->origin;

    conn->first = (uint8_t)(o->rotation++ % o->addresses_len);
    client_conn_dial(conn, OK);
}

void client_conn_begin(struct client_conn *conn)
{
    int rc = timer_set(&conn->timer, conn->client->options.limits.connect_ms);

    if (rc == OK)
        rc = client_origin_resolve(conn->origin);
    if (rc == AGAIN)
        conn->state = CONN_RESOLVING;
    else if (rc < 0)
        client_conn_fail(conn, rc);
    else
        client_conn_dial_first(conn);
}

void client_conn_resolved(struct client_conn *conn)
{
    if (conn->rc < 0)
        client_conn_fail(conn, conn->rc);
    else
        client_conn_dial_first(conn);
}

/* Another address may be another machine; but who cannot prove its name, or speaks no TLS, is no
 * matter of the address. */
static bool worth_another_address(int rc)
{
    return rc != -EPROTO && rc != -EKEYREJECTED && rc != -ENOMEM;
}

void client_conn_progress(struct client_conn *conn)
{
    int rc = stream_connected(conn->stream);

    if (rc == AGAIN)
        return;
    if (rc == OK) {
        client_conn_stands(conn);
    } else if (worth_another_address(rc)) {
        stream_close(conn->stream);
        conn->stream = NULL;
        client_conn_dial(conn, rc);
    } else {
        client_conn_fail(conn, rc);
    }
}
