/* client.c: the calls of a pooled HTTP/1.1 client. See client_pool.h for its files.
 */

#include "http/client.h"
#include "http/client_conn.h"
#include "http/request_writer.h"

#include <errno.h>
#include <stdlib.h>

struct client *client_new(struct loop *loop, const struct client_options *options)
{
    struct client *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->loop = loop;
    c->options = *options;
    for (size_t i = 0; i < CLIENT_BUCKETS; i++)
        list_init(&c->origins[i]);
    return c;
}

/* The call is its owner's again. */
static void call_detach(struct client_call *call)
{
    call->client = NULL;
    call->conn = NULL;
    list_init(&call->node);
}

void client_call_end(struct client_call *call, int rc)
{
    call_detach(call);
    call->events->on_end(call, rc);
}

static void origin_close(struct client_origin *o)
{
    while (!list_is_empty(&o->line)) {
        struct client_call *call = list_entry(o->line.next, struct client_call, node);
        client_pool_leave_line(o, call);
        call_detach(call);
    }
    while (!list_is_empty(&o->conns)) {
        struct client_conn *conn = list_entry(o->conns.next, struct client_conn, node);
        if (conn->call)
            call_detach(conn->call);
        client_conn_close(conn);
    }
    while (!list_is_empty(&o->idle))
        client_conn_close(list_entry(o->idle.next, struct client_conn, node));
    client_origin_free(o);
}

void client_free(struct client *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < CLIENT_BUCKETS; i++) {
        while (!list_is_empty(&c->origins[i]))
            origin_close(list_entry(c->origins[i].next, struct client_origin, node));
    }
    free(c);
}

int client_start(struct client *c, struct client_call *call, const struct client_request *request)
{
    if (!request_is_safe(request) || (request->origin->tls && !c->options.tls))
        return -EINVAL;
    struct client_origin *o = client_origin_get(c, request->origin);
    if (!o)
        return -ENOMEM;

    *call = (struct client_call){
        .events = call->events,
        .client = c,
        .request = request,
        .phase = CLIENT_CONNECTING,
    };
    list_init(&call->node);
    int rc = client_pool_lease(o, call);
    if (rc < 0)
        call->client = NULL;
    return rc;
}

/* Takes the call away from the client; returns the connection that serves it, or NULL. */
static struct client_conn *call_take_back(struct client_call *call)
{
    struct client_conn *conn = call->conn;

    if (!conn)
        client_pool_leave_line(client_origin_find(call->client, call->request->origin), call);
    call_detach(call);
    return conn;
}

void client_cancel(struct client_call *call)
{
    if (!call->client)
        return;
    struct client_conn *conn = call_take_back(call);
    if (!conn)
        return;
    conn->call = NULL;
    if (conn->state == CONN_READY) {
        turn_end_cancel(&conn->turn);
        client_pool_put(conn); /* nothing was sent on it */
    } else {
        client_conn_close(conn);
    }
}

void client_leave(struct client_call *call)
{
    if (!call->client)
        return;
    struct client_conn *conn = call_take_back(call);
    if (conn)
        client_conn_drain(conn);
}

void client_drop_head(struct client_call *call)
{
    if (call->conn)
        answer_head_free(&call->conn->parser.head);
}

/* Reading waits or goes on; before the connection stands there is nothing to tell it. */
static void call_apply_pause(struct client_call *call)
{
    struct client_conn *conn = call->conn;

    if (!conn || conn->state != CONN_ACTIVE)
        return;
    client_conn_watch(conn);
    if (!call->paused && stream_pending(conn->stream))
        turn_end_queue(call->client->loop, &conn->turn);
}

void client_pause(struct client_call *call)
{
    call->paused = true;
    call_apply_pause(call);
}

void client_resume(struct client_call *call)
{
    call->paused = false;
    call_apply_pause(call);
}

void client_body_into(struct client_call *call, char *at, size_t len)
{
    call->into = at;
    call->into_len = len;
}

void client_each_origin(const struct client *c, void (*tell)(void *, const struct client_figures *),
                        void *owner)
{
    for (size_t i = 0; i < CLIENT_BUCKETS; i++) {
        list_for_each(it, &c->origins[i])
        {
            const struct client_origin *o = list_entry(it, struct client_origin, node);
            tell(owner, &(struct client_figures){o->hash, o->open, o->idle_len, o->line_len});
        }
    }
}

size_t client_open(const struct client *c)
{
    return c->open;
}

size_t client_idle(const struct client *c)
{
    return c->idle;
}
