/* server.c: listening, draining, and the lists of connections. */

#include "http/server.h"
#include "http/server_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ_LEAST = 4096 };

static void server_reap(struct server *s)
{
    list_for_each_safe(it, &s->conns[CONN_DEAD])
    {
        list_remove(it);
        free(list_entry(it, struct server_conn, node));
    }
    s->counts[CONN_DEAD] = 0;
}

static void server_on_reaper(struct turn_end *t)
{
    server_reap(container_of(t, struct server, reaper));
}

static void server_on_accept(void *owner, int fd)
{
    struct server *s = owner;

    if (server_connections(s) >= s->options.limits.connections)
        close(fd);
    else
        server_conn_accept(s, fd);
}

static int server_listen(struct server *s)
{
    struct listener_options options = {
        .address = s->options.listen,
        .reuse_port = s->options.reuse_port,
    };

    return listener_open(s->loop, &options, server_on_accept, s, &s->listener);
}

int server_open(struct loop *loop, const struct server_options *options, struct server **ret)
{
    struct server *s = calloc(1, sizeof(*s));

    if (!s)
        return -ENOMEM;
    s->loop = loop;
    s->options = *options;
    s->request_limits.header_bytes = options->limits.header_bytes;
    s->request_limits.body_bytes = options->limits.body_bytes;
    s->read_bytes =
        MIN(MAX(options->limits.header_bytes, (size_t)READ_LEAST), (size_t)LOOP_SCRATCH);
    for (size_t i = 0; i < CONN_STATES; i++)
        list_init(&s->conns[i]);
    turn_end_init(&s->reaper, server_on_reaper);
    pages_init(&s->pages);
    int rc = server_listen(s);
    if (rc < 0) {
        free(s);
        return rc;
    }
    *ret = s;
    return OK;
}

uint16_t server_port(const struct server *s)
{
    return s->listener ? listener_port(s->listener) : 0;
}

size_t server_requests(const struct server *s)
{
    return s->counts[CONN_HEAD] + s->counts[CONN_BODY] + s->counts[CONN_ANSWER];
}

size_t server_connections(const struct server *s)
{
    return server_requests(s) + s->counts[CONN_IDLE] + s->counts[CONN_LINGER];
}

void server_drain(struct server *s)
{
    listener_close(s->listener);
    s->listener = NULL;
    list_for_each_safe(it, &s->conns[CONN_IDLE])
        server_conn_drop(list_entry(it, struct server_conn, node));
}

void server_each_request(struct server *s, void (*fn)(struct server_request *r))
{
    list_for_each_safe(it, &s->conns[CONN_ANSWER])
    {
        struct server_conn *c = list_entry(it, struct server_conn, node);
        if (!c->answer.ended && !c->answer.broken && !c->answer.gone)
            fn(&c->request);
    }
}

void server_close(struct server *s)
{
    if (!s)
        return;
    server_drain(s);
    for (enum conn_state state = CONN_IDLE; state < CONN_DEAD; state++)
        list_for_each_safe(it, &s->conns[state])
            server_conn_drop(list_entry(it, struct server_conn, node));
    turn_end_cancel(&s->reaper);
    server_reap(s);
    request_parser_free(s->parser);
    pages_free(&s->pages);
    free(s);
}
