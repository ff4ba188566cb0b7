/* client_pool.c: which call gets which connection.
 *
 * A call takes the idle connection that was used last, else a new one while the origin has fewer
 * than its limit, else it waits in line. A connection that becomes free goes to the first in line:
 * where calls wait, nothing is idle. */

#include "http/client_pool.h"
#include "http/client_conn.h"

#include <errno.h>

static const struct client_limits *limits_of(const struct client_origin *o)
{
    return &o->client->options.limits;
}

static void pool_lease_idle(struct client_conn *conn, struct client_call *call)
{
    struct client_origin *o = conn->origin;

    list_remove(&conn->node);
    list_add(&o->conns, &conn->node);
    conn->state = CONN_READY;
    client_conn_assign(conn, call);
    turn_end_queue(o->client->loop, &conn->turn);
}

static int pool_lease_new(struct client_origin *o, struct client_call *call)
{
    struct client_conn *conn = client_conn_new(o, call);

    if (!conn)
        return -ENOMEM;
    turn_end_queue(o->client->loop, &conn->turn);
    return AGAIN;
}

int client_pool_lease(struct client_origin *o, struct client_call *call)
{
    if (!list_is_empty(&o->idle)) {
        struct client_conn *conn = list_entry(o->idle.next, struct client_conn, node);
        o->idle_len--;
        o->client->idle--;
        pool_lease_idle(conn, call);
        return AGAIN;
    }
    if (o->open < limits_of(o)->per_origin && o->line_len == 0)
        return pool_lease_new(o, call);
    if (o->line_len >= limits_of(o)->waiting)
        return -EBUSY;
    list_add_tail(&o->line, &call->node);
    o->line_len++;
    return AGAIN;
}

int client_pool_replace(struct client_origin *o, struct client_call *call)
{
    return pool_lease_new(o, call);
}

void client_pool_leave_line(struct client_origin *o, struct client_call *call)
{
    list_remove(&call->node);
    o->line_len--;
}

static struct client_call *pool_first_in_line(struct client_origin *o)
{
    struct client_call *call = list_entry(o->line.next, struct client_call, node);

    client_pool_leave_line(o, call);
    return call;
}

void client_pool_put(struct client_conn *conn)
{
    struct client_origin *o = conn->origin;

    if (o->line_len) {
        pool_lease_idle(conn, pool_first_in_line(o));
        return;
    }
    if (o->idle_len >= limits_of(o)->idle_per_origin ||
        timer_set(&conn->timer, limits_of(o)->idle_ms) < 0) {
        client_conn_close(conn);
        return;
    }
    conn->state = CONN_IDLE;
    list_remove(&conn->node);
    list_add(&o->idle, &conn->node);
    o->idle_len++;
    o->client->idle++;
    client_conn_watch(conn);
}

void client_pool_closed(struct client_origin *o)
{
    if (o->line_len)
        turn_end_queue(o->client->loop, &o->serve_line);
}

void client_pool_serve_line(struct turn_end *t)
{
    struct client_origin *o = container_of(t, struct client_origin, serve_line);

    while (o->line_len && o->open < limits_of(o)->per_origin) {
        struct client_call *call = pool_first_in_line(o);
        int rc = pool_lease_new(o, call);
        if (rc < 0) {
            client_pool_closed(o); /* the rest of the line: behind this event */
            client_call_end(call, rc);
            return;
        }
    }
}
