/* resolve.c: host name → addresses with getaddrinfo on libuv's pool of threads. */

#include "io/resolve.h"
#include "io/loop_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <uv.h>

enum { HOST_MAX = 255 };

struct resolve_query {
    uv_getaddrinfo_t request;
    struct resolve *owner; /* NULL: cancelled */
    in_port_t port;        /* network order */
};

static bool resolve_literal(struct resolve *r, const char *host, in_port_t port)
{
    union address a = {0};

    if (inet_pton(AF_INET, host, &a.v4.sin_addr) == 1) {
        a.v4.sin_family = AF_INET;
        a.v4.sin_port = port;
    } else if (inet_pton(AF_INET6, host, &a.v6.sin6_addr) == 1) {
        a.v6.sin6_family = AF_INET6;
        a.v6.sin6_port = port;
    } else {
        return false;
    }
    r->addresses[0] = a;
    r->len = 1;
    return true;
}

static void resolve_collect(struct resolve *r, const struct addrinfo *found, in_port_t port)
{
    r->len = 0;
    for (; found && r->len < RESOLVE_MAX; found = found->ai_next) {
        union address *a = &r->addresses[r->len];
        if (found->ai_family != AF_INET && found->ai_family != AF_INET6)
            continue;
        memcpy(a, found->ai_addr, MIN(found->ai_addrlen, sizeof(*a)));
        if (found->ai_family == AF_INET)
            a->v4.sin_port = port;
        else
            a->v6.sin6_port = port;
        r->len++;
    }
}

static int resolve_result(int status, size_t found)
{
    if (status == 0)
        return found ? OK : -EHOSTUNREACH;
    if (status == UV_EAI_MEMORY)
        return -ENOMEM;
    return status == UV_EAI_AGAIN ? -EAGAIN : -EHOSTUNREACH;
}

static void resolve_on_answer(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct resolve_query *q = container_of(request, struct resolve_query, request);
    struct resolve *r = q->owner;

    if (r)
        resolve_collect(r, found, q->port);
    uv_freeaddrinfo(found);
    free(q);
    if (!r)
        return;
    r->handle = NULL;
    r->op.done(&r->op, resolve_result(status, r->len));
}

static int resolve_ask(struct loop *loop, struct resolve *r, const char *host, in_port_t port)
{
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct resolve_query *q = calloc(1, sizeof(*q));

    if (!q)
        return -ENOMEM;
    q->owner = r;
    q->port = port;
    if (uv_getaddrinfo(loop_uv(loop), &q->request, resolve_on_answer, host, NULL, &hints) < 0) {
        free(q);
        return -ENOMEM;
    }
    r->handle = q;
    return AGAIN;
}

int resolve_start(struct loop *loop, struct resolve *r, struct slice host, uint16_t port)
{
    char name[HOST_MAX + 1];

    r->handle = NULL;
    r->len = 0;
    if (host.len == 0 || host.len > HOST_MAX)
        return -EHOSTUNREACH;
    memcpy(name, host.at, host.len);
    name[host.len] = 0;
    if (resolve_literal(r, name, htons(port)))
        return OK;
    return resolve_ask(loop, r, name, htons(port));
}

void resolve_cancel(struct resolve *r)
{
    struct resolve_query *q = r->handle;

    if (!q)
        return;
    q->owner = NULL;
    r->handle = NULL;
    uv_cancel((uv_req_t *)&q->request); /* when it runs already, its answer finds no owner */
}
