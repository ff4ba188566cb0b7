/* fetcher.c: see fetcher.h. */

#include "http/fetcher.h"

#include "base/buf.h"
#include "http/client.h"
#include "io/loop.h"
#include "io/tls.h"

#include <errno.h>
#include <stdlib.h>

enum { CONNECT_MS = 5000, IDLE_MS = 30000, HEADER_BYTES = 64 * 1024, HEADERS_MOST = 32 };

struct fetcher {
    struct loop *loop;
    struct tls_client *tls;
    struct client *client;
};

/* One question while it runs. */
struct asking {
    struct client_call call;
    struct timer silence;
    struct fetcher *fetcher;
    const struct fetch *ask;
    struct arena *a;
    struct fetched *ret;
    struct buf body;
    int rc;
};

static void asking_end(struct asking *q, int rc)
{
    timer_stop(&q->silence);
    q->rc = rc;
    loop_stop(q->fetcher->loop);
}

static void asking_give_up(struct asking *q, int rc)
{
    client_cancel(&q->call);
    asking_end(q, rc);
}

static void asking_lives(struct asking *q)
{
    if (timer_set(&q->silence, q->ask->silence_ms) < 0)
        asking_give_up(q, -ENOMEM);
}

static void on_silence(struct timer *t)
{
    asking_give_up(container_of(t, struct asking, silence), -ETIMEDOUT);
}

static void on_sent(struct client_call *call)
{
    asking_lives(container_of(call, struct asking, call));
}

static int copy_headers(struct asking *q, const struct headers *from)
{
    int rc = OK;

    q->ret->headers = (struct headers){.at = NULL};
    for (size_t i = 0; rc == OK && i < from->len; i++) {
        struct slice name = arena_copy(q->a, from->at[i].name);
        struct slice value = arena_copy(q->a, from->at[i].value);
        rc = name.at && value.at ? headers_add(&q->ret->headers, q->a, name, value) : -ENOMEM;
    }
    return rc;
}

static void on_head(struct client_call *call, const struct client_head *head)
{
    struct asking *q = container_of(call, struct asking, call);

    q->ret->status = head->status;
    int rc = copy_headers(q, &head->headers);
    if (rc < 0)
        asking_give_up(q, rc);
    else
        asking_lives(q);
}

static void on_body(struct client_call *call, struct slice bytes)
{
    struct asking *q = container_of(call, struct asking, call);
    bool handed_on = q->ask->take && q->ret->status / 100 == 2;
    int rc = handed_on ? q->ask->take(q->ask->arg, bytes) : buf_add(&q->body, bytes);

    if (rc < 0)
        asking_give_up(q, rc);
    else
        asking_lives(q);
}

static void on_end(struct client_call *call, int rc)
{
    asking_end(container_of(call, struct asking, call), rc);
}

static int asking_run(struct asking *q, const struct client_request *request)
{
    int rc = timer_set(&q->silence, q->ask->silence_ms);

    if (rc == OK)
        rc = client_start(q->fetcher->client, &q->call, request);
    if (rc == AGAIN) {
        loop_run(q->fetcher->loop);
        rc = q->rc;
    }
    timer_stop(&q->silence);
    return rc;
}

static int make_origin(const struct url *url, struct arena *a, struct origin *ret)
{
    *ret = (struct origin){
        .key = arena_printf(a, "%s://%.*s:%u", url->tls ? "https" : "http", SLICE_FMT(url->host),
                            url->port),
        .host = arena_copy(a, url->host),
        .port = url->port,
        .tls = url->tls,
    };
    ret->hash = slice_hash(ret->key);
    return ret->key.at && ret->host.at ? OK : -ENOMEM;
}

int fetcher_ask(struct fetcher *f, const struct fetch *ask, struct arena *a, struct fetched *ret)
{
    static const struct client_events events = {on_sent, on_head, on_body, on_end};
    struct asking q = {.call.events = &events, .fetcher = f, .ask = ask, .a = a, .ret = ret};
    struct header headers[HEADERS_MOST];
    struct origin origin;
    int rc;

    *ret = (struct fetched){.status = 0};
    if (ask->headers_len >= HEADERS_MOST)
        return -E2BIG;
    rc = make_origin(ask->url, a, &origin);
    if (rc < 0)
        return rc;
    headers[0] = (struct header){SLICE("host"), ask->url->authority};
    for (size_t i = 0; i < ask->headers_len; i++)
        headers[i + 1] = ask->headers[i];
    struct client_request request = {
        .origin = &origin,
        .method = ask->method,
        .target = ask->target,
        .headers = headers,
        .headers_len = ask->headers_len + 1,
        .body = &ask->body,
        .body_len = ask->body.len > 0,
    };
    buf_init(&q.body, MAX(ask->body_most, (size_t)1));
    timer_init(&q.silence, f->loop, on_silence);
    rc = asking_run(&q, &request);
    ret->body = arena_copy(a, buf_slice(&q.body));
    buf_free(&q.body);
    return rc == OK && !ret->body.at ? -ENOMEM : rc;
}

/* --- made and freed --- */

static int fetcher_open(struct fetcher *f, const char *ca_file)
{
    struct client_options options = {
        .limits = {.connect_ms = CONNECT_MS,
                   .idle_ms = IDLE_MS,
                   .idle_per_origin = 1,
                   .per_origin = 1,
                   .header_bytes = HEADER_BYTES},
    };
    int rc = tls_client_new(ca_file, &f->tls);

    if (rc < 0)
        return rc;
    f->loop = loop_new();
    if (!f->loop)
        return -ENOMEM;
    options.tls = f->tls;
    f->client = client_new(f->loop, &options);
    return f->client ? OK : -ENOMEM;
}

int fetcher_new(const char *ca_file, struct fetcher **ret)
{
    struct fetcher *f = calloc(1, sizeof(*f));
    int rc = f ? fetcher_open(f, ca_file) : -ENOMEM;

    *ret = NULL;
    if (rc < 0)
        fetcher_free(f);
    else
        *ret = f;
    return rc;
}

void fetcher_free(struct fetcher *f)
{
    if (!f)
        return;
    if (f->client)
        client_free(f->client);
    if (f->loop)
        loop_free(f->loop);
    tls_client_free(f->tls);
    free(f);
}
