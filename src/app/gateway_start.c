/* gateway_start.c: the parts of the gateway in the order in which they need each other, and what to
 * do when one of them cannot begin. */

#include "app/gateway.h"

#include "app/answer_cache.h"
#include "app/command.h"
#include "app/demo.h"
#include "app/listen.h"
#include "app/notify.h"
#include "app/process.h"
#include "app/prompt_storing.h"
#include "app/redaction.h"
#include "app/seeding.h"
#include "app/trace_exporter.h"
#include "app/version.h"
#include "app/watching.h"
#include "app/worker.h"
#include "base/log.h"
#include "codec/redact.h"
#include "codec/store_url.h"
#include "io/tls.h"
#include "service/admin_desk.h"
#include "service/housekeeper.h"
#include "service/ledger.h"
#include "service/prompt_keeper.h"
#include "service/snapshot_keeper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TRACES_STOP_MS = 3000, LEDGER_STOP_MS = 10000, PROMPTS_STOP_MS = 5000 };
/* Administration: threads of the yard, each with a connection to the store. */
enum { DESK_THREADS = 2, DESK_WAITING = 256, DESK_WAIT_MS = 5000 };

/* --- configuration --- */

bool gateway_load(struct gateway *g, struct config *ret)
{
    if (!config_load(g->options.config, ret))
        return false;
    if (g->options.port)
        ret->settings.listen = listen_with_port(&ret->arena, ret->settings.listen, g->options.port);
    if (g->demo && ret->providers_len == 0)
        demo_register(g->demo, ret);
    return true;
}

static bool load(struct gateway *g)
{
    if (!gateway_load(g, &g->config)) {
        config_faults_print(&g->config.faults, stderr);
        command_complain("not started: the configuration has faults");
        return false;
    }
    const struct settings *s = &g->config.settings;
    g->workers_wanted =
        (unsigned)(s->workers ? s->workers : (uint64_t)MAX(sysconf(_SC_NPROCESSORS_ONLN), 1));
    g->drain_delay_ms = s->timeouts.drain_delay;
    g->drain_ms = s->timeouts.drain;
    process_prepare();
    process_tune_malloc(g->workers_wanted);
    return true;
}

static bool start_log(struct gateway *g)
{
    const struct log_settings *s = &g->config.settings.log;
    struct log_options options = {(enum log_level)s->level, (enum log_format)s->format, s->file.at,
                                  0};
    int rc = log_start(&options);

    g->logging = rc == OK;
    if (rc < 0)
        command_complain("the log %s cannot be written: %s", s->file.at ? s->file.at : "",
                         log_errno(rc));
    return rc == OK;
}

/* --- the store and what is in it --- */

static bool start_demo(struct gateway *g)
{
    const struct mock_options options = {.listen = SLICE("127.0.0.1:0")};

    if (!g->options.demo || g->config.providers_len)
        return true;
    int rc = demo_start(&options, &g->demo);
    if (rc == OK)
        demo_register(g->demo, &g->config);
    else
        command_complain("the mock provider cannot be started: %s", log_errno(rc));
    return rc == OK;
}

static bool start_keeper(struct gateway *g)
{
    const struct settings *s = &g->config.settings;
    struct snapshot_keeper_options options = {.store = s->store,
                                              .secret_key = g->config.secret_key,
                                              .file = config_snapshot_file(&g->config).at,
                                              .max_age_ms = s->snapshot.max_age,
                                              .unready = !seeding_is_done(g->seeding)};

    options.slot = g->slot = snapshot_slot_new();
    int rc = g->slot ? snapshot_keeper_start(&options, &g->keeper) : -ENOMEM;
    if (g->keeper)
        return true; /* nothing loaded yet is said in the log, and tried again */
    command_complain("keys and models cannot be loaded: %s", log_errno(rc));
    return false;
}

static bool start_ledger(struct gateway *g)
{
    const struct settings *s = &g->config.settings;
    struct slice folder = config_journal_folder(&g->config);
    struct ledger_options options = {s->store,        folder.at,        g->workers_wanted,
                                     s->journal.size, s->journal.spool, seeding_admits(g->seeding)};
    int rc = folder.at ? ledger_start(&options, &g->ledger) : -ENOMEM;

    if (rc == -EBUSY)
        command_complain("another courier uses the journals in %s; stop it, or give this one a "
                         "store of its own",
                         folder.at);
    else if (rc < 0)
        command_complain("the journals in %s cannot be opened (journal.folder): %s",
                         folder.at ? folder.at : "", log_errno(rc));
    return rc == OK;
}

static bool start_housekeeper(struct gateway *g)
{
    const struct settings *s = &g->config.settings;
    int rc = housekeeper_start(&(struct housekeeper_options){s->store, s->retention,
                                                             s->prompts.retention,
                                                             seeding_admits(g->seeding)},
                               &g->housekeeper);

    if (rc < 0)
        command_complain("a thread cannot be started: %s", log_errno(rc));
    return rc == OK;
}

/* Before those who hand prompts over, and those who show what callers wrote. */
static bool start_prompts(struct gateway *g)
{
    const struct settings *s = &g->config.settings;
    int rc = redaction_new(s->redact.patterns, &g->redactor);

    if (rc == OK)
        rc = prompt_storing_start(s, g->redactor, seeding_admits(g->seeding), &g->prompts);
    if (rc < 0)
        command_complain("prompts cannot be looked after: %s", log_errno(rc));
    return rc == OK;
}

/* --- the road --- */

static bool start_shared(struct gateway *g)
{
    const char *ca_file = g->config.settings.upstream.ca_file.at;
    int rc = tls_client_new(ca_file, &g->tls);

    if (rc < 0) {
        command_complain("upstream.ca_file: no certificates can be read from %s: %s",
                         ca_file ? ca_file : "the system's store", log_errno(rc));
        return false;
    }
    rc = limiting_start(&g->config.settings, g->workers_wanted, &g->limiting);
    if (rc == -EINVAL)
        command_complain("limiter_ca_file: no certificates can be read");
    else if (rc < 0)
        command_complain("the limiter cannot be made: %s", log_errno(rc));
    if (rc < 0)
        return false;
    rc = answer_cache_new(&g->config.settings, g->config.secret_key, &g->answers);
    if (rc < 0)
        command_complain("the cache cannot begin: %s", log_errno(rc));
    return rc == OK;
}

static bool start_desk(struct gateway *g)
{
    struct admin_desk_options options = {
        .admin = {g->config.settings.store, g->config.secret_key},
        .threads = DESK_THREADS,
        .waiting = DESK_WAITING,
        .wait_ms = DESK_WAIT_MS,
        .keeper = g->keeper,
    };
    int rc = admin_desk_start(&options, &g->desk);

    if (rc < 0)
        command_complain("the administration cannot be started: %s", log_errno(rc));
    return rc == OK;
}

static bool start_traces(struct gateway *g)
{
    const struct settings *s = &g->config.settings;
    const struct trace_exporter_options options = {s, g->workers_wanted,
                                                   slice_str(courier_version)};

    if (slice_is_empty(s->otlp_endpoint))
        return true;
    int rc = trace_exporter_start(&options, &g->traces);
    if (rc == -EINVAL)
        command_complain("otlp_headers cannot be read; they are name=value, comma-separated");
    else if (rc < 0)
        command_complain("traces cannot be exported: %s", log_errno(rc));
    return rc == OK;
}

static bool start_watching(struct gateway *g)
{
    const struct watching_options options = {
        .workers = g->workers_wanted,
        .slot = g->slot,
        .keeper = g->keeper,
        .ledger = g->ledger,
        .cache = answer_cache_memory(g->answers),
        .traces = trace_exporter_figures(g->traces),
        .prompts = prompt_keeper_figures(g->prompts),
        .draining = &g->draining,
    };

    g->watching = watching_new(&options);
    if (!g->watching)
        command_complain("out of memory");
    return g->watching;
}

/* --- what the person in front of it sees --- */

static void tell_address(struct gateway *g)
{
    struct slice host = listen_host_here(g->config.settings.listen);

    printf("courier is listening on http://%.*s:%u\n", SLICE_FMT(host), g->port);
}

static void tell_ready(struct gateway *g)
{
    char store[STORE_URL_SHOWN];

    if (g->demo)
        demo_tell(g->port, secret_reveal(seeding_first_key(g->seeding)));
    tell_address(g);
    fflush(stdout);
    log_event(LOG_INFO, "started", LOG_STR("version", courier_version),
              LOG_SLICE("listen", g->config.settings.listen), LOG_U64("port", g->port),
              LOG_U64("workers", g->workers_len),
              LOG_STR("store", store_url_redact(g->config.settings.store, store)),
              LOG_SLICE("config", g->config.file), LOG_END);
    if (!slice_is_empty(g->config.settings.metrics_listen))
        log_event(LOG_INFO, "metrics are told without a key",
                  LOG_SLICE("listen", g->config.settings.metrics_listen),
                  LOG_U64("port", worker_metrics_port(g->workers[0])), LOG_END);
    if (g->config.providers_len == 0)
        log_event(LOG_WARN,
                  "no provider is configured: add providers and models to the configuration file "
                  "(courier.example.yaml shows how) and send SIGHUP, or start with --demo",
                  LOG_END);
}

static bool start_seeding(struct gateway *g)
{
    int rc = seeding_start(g->seeding, g->keeper);

    if (rc < 0)
        command_complain("a thread cannot be started: %s", log_errno(rc));
    return rc == OK;
}

bool gateway_start(struct gateway *g)
{
    if (!load(g) || !start_demo(g) || !start_log(g))
        return false;
    g->seeding = seeding_new(&g->config);
    /* the ledger's lock comes before the first change: of two gateways with one folder the second
     * must leave the store as it is */
    if (!g->seeding || !seeding_open(g->seeding) || !start_ledger(g) || !seeding_begin(g->seeding))
        return false;
    if (!start_keeper(g) || !start_shared(g) || !start_prompts(g) || !start_traces(g) ||
        !start_watching(g) || !start_desk(g) || !start_housekeeper(g) ||
        !gateway_start_workers(g) || !start_seeding(g))
        return false;
    tell_ready(g);
    notify_send("READY=1");
    return true;
}

static void stop_ledger(struct gateway *g)
{
    size_t left = ledger_stop(g->ledger, LEDGER_STOP_MS);

    if (left)
        log_event(LOG_WARN, "usage records stay in the journals until the next start",
                  LOG_U64("records", left), LOG_END);
}

void gateway_stop(struct gateway *g)
{
    for (unsigned i = 0; i < g->workers_len; i++)
        worker_free(g->workers[i]);
    free(g->workers);
    admin_desk_stop(g->desk);
    watching_free(g->watching);
    trace_exporter_stop(g->traces, TRACES_STOP_MS);
    housekeeper_stop(g->housekeeper);
    prompt_keeper_stop(g->prompts, PROMPTS_STOP_MS);
    redactor_free(g->redactor);
    stop_ledger(g);
    limiting_free(&g->limiting);
    answer_cache_free(g->answers);
    tls_client_free(g->tls);
    seeding_stop(g->seeding);
    snapshot_keeper_stop(g->keeper);
    snapshot_slot_free(g->slot);
    demo_stop(g->demo);
    if (g->workers_len)
        log_event(LOG_INFO, "stopped", LOG_END);
    if (g->logging)
        log_stop();
    config_free(&g->config);
    close(g->signal_fd);
    close(g->ended_fd);
}
