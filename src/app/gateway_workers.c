/* gateway_workers.c: the workers of the gateway: all listen before the first one serves. */

#include "app/gateway.h"

#include "app/command.h"
#include "app/listen.h"
#include "app/trace_exporter.h"
#include "app/watching.h"
#include "app/worker.h"
#include "base/log.h"
#include "io/listener.h"
#include "service/key_service.h"
#include "service/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* setting: which one says so, for whoever must choose another. */
static void complain_listen(struct slice listen, const char *setting, int rc)
{
    if (rc == -EADDRINUSE)
        command_complain("%.*s is in use by another process; stop it, or set %s", SLICE_FMT(listen),
                         setting);
    else if (rc == -EACCES)
        command_complain("%.*s needs rights that this user has not; take a port from 1024 on",
                         SLICE_FMT(listen));
    else
        command_complain("cannot listen on %.*s: %s", SLICE_FMT(listen), log_errno(rc));
}

static void on_probe(void *owner, int fd)
{
    (void)owner;
    close(fd);
}

/* Workers share their port with SO_REUSEPORT, which would also share it with another courier in
 * silence: so the address is tried once without. */
static int probe(struct slice listen)
{
    struct listener_options options = {.address = listen};
    struct listener *listener;
    struct loop *loop = loop_new();
    int rc = loop ? listener_open(loop, &options, on_probe, NULL, &listener) : -ENOMEM;

    if (rc == OK)
        listener_close(listener);
    loop_free(loop);
    return rc;
}

static int make_worker(struct gateway *g, struct slice listen)
{
    struct worker_options options = {
        .settings = &g->config.settings,
        .listen = listen,
        .metrics_listen = g->workers_len ? SLICE("") : g->config.settings.metrics_listen,
        .slot = g->slot,
        .tls = g->tls,
        .limiting = &g->limiting,
        .number = g->workers_len,
        .answers = g->answers,
        .desk = g->desk,
        .journal = ledger_journal(g->ledger, g->workers_len),
        .leaving = &g->leaving,
        .draining = &g->draining,
        .meter = watching_meter(g->watching, g->workers_len),
        .metrics = watching_sources(g->watching),
        .tracer = trace_exporter_tracer(g->traces, g->workers_len),
        .prompts = g->prompts,
        .redactor = g->redactor,
        .fleet = watching_fleet(g->watching),
        .ended_fd = g->ended_fd,
    };
    int rc = worker_new(&options, &g->workers[g->workers_len]);

    g->workers_len += rc == OK;
    return rc;
}

/* All listen before the first one serves. With port 0 the first one's is everyone's. */
static int make_workers(struct gateway *g)
{
    unsigned n = g->workers_wanted;
    struct slice listen = g->config.settings.listen;

    g->workers = calloc(n, sizeof(*g->workers));
    int rc = g->workers ? OK : -ENOMEM;
    for (unsigned i = 0; rc == OK && i < n; i++) {
        rc = make_worker(g, listen);
        if (rc == OK && i == 0) {
            char port[20];
            g->port = worker_port(g->workers[0]);
            snprintf(port, sizeof(port), "%u", g->port);
            listen = listen_with_port(&g->config.arena, listen, port);
        }
    }
    return rc;
}

bool gateway_start_workers(struct gateway *g)
{
    const struct settings *s = &g->config.settings;
    int rc = slice_is_empty(s->metrics_listen) ? OK : probe(s->metrics_listen);

    if (rc < 0) {
        complain_listen(s->metrics_listen, "`metrics_listen`", rc);
        return false;
    }
    rc = probe(s->listen);
    if (rc == OK)
        rc = make_workers(g);
    if (rc < 0) {
        complain_listen(s->listen, "`listen` (or --port)", rc);
        return false;
    }
    for (unsigned i = 0; i < g->workers_len; i++) {
        rc = worker_start(g->workers[i]);
        if (rc < 0) {
            command_complain("a thread cannot be started: %s", log_errno(rc));
            return false;
        }
    }
    return true;
}
