/* worker.c: see worker.h. */

#include "app/worker.h"

#include "app/answer_cache.h"
#include "app/limiting.h"
#include "base/log.h"
#include "controller/routes.h"
#include "http/client.h"
#include "http/server.h"
#include "io/loop.h"
#include "io/mailbox.h"
#include "middleware/access_log.h"
#include "middleware/auth.h"
#include "middleware/measure.h"
#include "middleware/prompts.h"
#include "middleware/rate_limit.h"
#include "middleware/record.h"
#include "middleware/trace.h"
#include "router/router.h"
#include "service/admin_desk.h"
#include "service/cache.h"
#include "service/fleet.h"
#include "service/key_service.h"
#include "service/meter.h"
#include "service/services.h"
#include "service/snapshot.h"
#include "service/tracer.h"
#include "web/chain.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    DRAIN_LOOK_MS = 10,      /* how often a draining worker looks whether it is done */
    DRAIN_LAST_MS = 1000,    /* for clients to take the news that their answer was cut off */
    WRITE_BYTES = 256 << 10, /* copied for a slow client before its provider must wait */
};

/* The gates in order: whoever is refused by one has passed those before it. */
static const struct middleware *const gates[] = {
    &middleware_trace,  &middleware_measure,    &middleware_access_log, &middleware_auth,
    &middleware_record, &middleware_rate_limit, &middleware_prompts,    NULL,
};

static const struct middleware *const metrics_gates[] = {&middleware_trace, NULL};

/* Attempts are counted, and told of as spans. */
struct attempt_watch {
    struct router_observer observer;
    struct meter *meter;
    struct tracer *tracer;
};

struct worker {
    struct loop *loop;
    struct mailbox *mailbox;
    struct client *client;
    struct router *router;
    struct key_service *keys;
    struct snapshot_view *snapshots;
    struct cache *cache;
    struct attempt_watch attempts;
    struct limiter *limiter;
    struct services services;
    struct chain chain, metrics_chain;
    struct server *server;
    struct server *metrics_server; /* NULL: not this worker */
    struct fleet *fleet;           /* it has joined; else NULL */
    int ended_fd;

    pthread_t thread;
    bool started;

    struct mail drain_mail;
    struct timer drain_timer;
    uint64_t drain_limit_ms, drain_until_ms;
    bool interrupted; /* the drain's time is over: what ran has been told */
};

static void free_parts(struct worker *w)
{
    if (w->fleet)
        fleet_leave(w->fleet, w);
    if (w->services.desk)
        admin_desk_leave(w->services.desk, w->mailbox);
    /* what is still in it is answered while the rest is there */
    mailbox_free(w->mailbox);
    if (w->server)
        server_close(w->server);
    if (w->metrics_server)
        server_close(w->metrics_server);
    router_free(w->router);
    client_free(w->client);
    cache_free(w->cache);
    limiter_free(w->limiter);
    key_service_free(w->keys);
    snapshot_view_free(w->snapshots);
    loop_free(w->loop);
}

static void *run(void *arg)
{
    struct worker *w = arg;
    uint64_t one = 1;

    pthread_setname_np(pthread_self(), "worker");
    loop_run(w->loop);
    timer_stop(&w->drain_timer);
    free_parts(w);
    if (write(w->ended_fd, &one, sizeof(one)) < 0)
        log_event(LOG_ERROR, "a worker's end could not be told", LOG_RC(-errno), LOG_END);
    return NULL;
}

/* --- making --- */

static struct client *make_client(struct worker *w, const struct worker_options *o)
{
    const struct settings *s = o->settings;
    struct client_options options = {
        .limits = {.connect_ms = s->timeouts.connect,
                   .idle_ms = s->upstream.idle_time,
                   .idle_per_origin = s->upstream.idle,
                   .per_origin = s->upstream.connections,
                   .waiting = s->upstream.waiting,
                   .header_bytes = s->limits.header},
        .tls = o->tls,
    };
    return client_new(w->loop, &options);
}

static struct router_clocks clocks_of(const struct settings *s)
{
    return (struct router_clocks){.first_token = s->timeouts.first_token,
                                  .answer = s->timeouts.answer,
                                  .idle = s->timeouts.idle,
                                  .total = s->timeouts.total};
}

static void on_attempt(struct router_observer *o, const struct attempt_report *report)
{
    struct attempt_watch *watch = container_of(o, struct attempt_watch, observer);
    struct router_observer *meter = meter_observer(watch->meter);
    struct router_observer *tracer = watch->tracer ? tracer_observer(watch->tracer) : NULL;

    meter->on_attempt(meter, report);
    if (tracer)
        tracer->on_attempt(tracer, report);
}

static struct router_observer *watch_attempts(struct worker *w, const struct worker_options *o)
{
    w->attempts = (struct attempt_watch){{on_attempt}, o->meter, o->tracer};
    return &w->attempts.observer;
}

static struct router *make_router(struct worker *w, const struct worker_options *o)
{
    const struct settings *s = o->settings;
    struct router_options options = {
        .loop = w->loop,
        .client = w->client,
        .observer = watch_attempts(w, o),
        .clocks = clocks_of(s),
        .limits = {.frame_bytes = s->limits.frame, .answer_bytes = s->limits.answer},
    };
    return router_new(&options);
}

static struct server_options server_options(const struct settings *s)
{
    return (struct server_options){
        .limits = {.header_bytes = s->limits.header,
                   .body_bytes = s->limits.body,
                   .head_ms = s->timeouts.head,
                   .body_ms = s->timeouts.body,
                   .idle_ms = s->timeouts.keep_alive,
                   .write_ms = s->timeouts.write,
                   .connections = s->limits.connections,
                   .write_bytes = WRITE_BYTES},
        .events = &chain_server_events,
    };
}

static int listen_on(struct worker *w, const struct worker_options *o)
{
    struct server_options options = server_options(o->settings);

    options.listen = o->listen;
    options.reuse_port = true;
    options.owner = &w->chain;
    int rc = server_open(w->loop, &options, &w->server);
    if (rc < 0 || slice_is_empty(o->metrics_listen))
        return rc;
    options.listen = o->metrics_listen;
    options.reuse_port = false;
    options.owner = &w->metrics_chain;
    return server_open(w->loop, &options, &w->metrics_server);
}

static bool make_parts(struct worker *w, const struct worker_options *o)
{
    return (w->loop = loop_new()) && (w->mailbox = mailbox_new(w->loop)) &&
           (w->client = make_client(w, o)) && (w->router = make_router(w, o)) &&
           (w->keys = key_service_new((struct secret){{0}})) &&
           answer_cache_join(o->answers, w->loop, o->limiting->tls, &w->cache) == OK &&
           (w->snapshots = snapshot_view_new(o->slot)) &&
           limiting_join(o->limiting, o->settings, o->number, w->loop, &w->limiter) == OK;
}

static void interrupt_requests(struct worker *w)
{
    log_event(LOG_WARN, "requests are cut off: timeouts.drain is over",
              LOG_U64("requests", server_requests(w->server)), LOG_END);
    w->interrupted = true;
    w->drain_until_ms = loop_now_ms(w->loop) + DRAIN_LAST_MS;
    server_each_request(w->server, exchange_interrupt);
}

static size_t requests_left(const struct worker *w)
{
    return server_requests(w->server) +
           (w->metrics_server ? server_requests(w->metrics_server) : 0);
}

static void on_drain_timer(struct timer *t)
{
    struct worker *w = container_of(t, struct worker, drain_timer);
    bool over = loop_now_ms(w->loop) >= w->drain_until_ms;
    bool idle = requests_left(w) == 0;
    bool settled = idle && limiter_is_quiet(w->limiter);

    if (over && !idle && !w->interrupted) {
        interrupt_requests(w);
        over = false;
    }
    if (settled || over || timer_set(t, DRAIN_LOOK_MS) < 0)
        loop_stop(w->loop);
}

static void on_drain_mail(struct mail *m)
{
    struct worker *w = container_of(m, struct worker, drain_mail);

    server_drain(w->server); /* the address for watching is there until the end */
    w->drain_until_ms = loop_now_ms(w->loop) + w->drain_limit_ms;
    on_drain_timer(&w->drain_timer);
}

static struct services make_services(struct worker *w, const struct worker_options *o)
{
    return (struct services){
        .loop = w->loop,
        .snapshots = w->snapshots,
        .keys = w->keys,
        .limiter = w->limiter,
        .journal = o->journal,
        .router = w->router,
        .cache = w->cache,
        .desk = o->desk,
        .mailbox = w->mailbox,
        .leaving = o->leaving,
        .draining = o->draining,
        .meter = o->meter,
        .metrics = o->metrics,
        .prompts = o->prompts,
        .tracer = o->tracer,
        .drop_records = o->settings->journal.drop,
    };
}

/* What the worker says of itself; on its thread. */
static void report(void *owner, struct fleet_report *ret)
{
    struct worker *w = owner;

    census_take(w->router, &ret->census);
    ret->client_connections = server_connections(w->server);
    limiter_figures(w->limiter, &ret->limiter);
    if (ret->limiter.why)
        snprintf(ret->limiter_why, sizeof(ret->limiter_why), "%s", ret->limiter.why);
    ret->limiter.why = NULL; /* it ends with this turn */
}

static int join_fleet(struct worker *w, struct fleet *fleet)
{
    int rc = fleet_join(fleet, &(struct fleet_member){w->mailbox, report, w});

    if (rc == OK)
        w->fleet = fleet;
    return rc;
}

int worker_new(const struct worker_options *o, struct worker **ret)
{
    struct worker *w = calloc(1, sizeof(*w));
    int rc = -ENOMEM;

    if (!w)
        return rc;
    w->ended_fd = o->ended_fd;
    w->drain_mail.open = on_drain_mail;
    if (make_parts(w, o)) {
        timer_init(&w->drain_timer, w->loop, on_drain_timer);
        w->services = make_services(w, o);
        w->chain = (struct chain){gates, controller_routes, &w->services, o->redactor};
        w->metrics_chain =
            (struct chain){metrics_gates, controller_metrics_routes, &w->services, o->redactor};
        rc = listen_on(w, o);
    }
    if (rc == OK)
        rc = join_fleet(w, o->fleet);
    if (rc < 0)
        worker_free(w);
    else
        *ret = w;
    return rc;
}

/* --- from outside --- */

uint16_t worker_port(const struct worker *w)
{
    return server_port(w->server);
}

uint16_t worker_metrics_port(const struct worker *w)
{
    return server_port(w->metrics_server);
}

int worker_start(struct worker *w)
{
    int rc = -pthread_create(&w->thread, NULL, run, w);

    w->started = rc == OK;
    return rc;
}

void worker_drain(struct worker *w, uint64_t limit_ms)
{
    w->drain_limit_ms = limit_ms;
    mailbox_post(w->mailbox, &w->drain_mail);
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    if (w->started)
        pthread_join(w->thread, NULL);
    else
        free_parts(w);
    free(w);
}

struct reload_mail {
    struct mail mail;
    struct worker *worker;
    struct router_clocks clocks;
    struct limiter_policy policy;
};

static void on_reload_mail(struct mail *m)
{
    struct reload_mail *letter = container_of(m, struct reload_mail, mail);

    router_set_clocks(letter->worker->router, &letter->clocks);
    limiter_set_policy(letter->worker->limiter, &letter->policy);
    free(letter);
}

void worker_reload(struct worker *w, const struct settings *s)
{
    struct reload_mail *letter = malloc(sizeof(*letter));

    if (!letter)
        return;
    *letter = (struct reload_mail){{.open = on_reload_mail}, w, clocks_of(s), limiting_policy(s)};
    mailbox_post(w->mailbox, &letter->mail);
}
