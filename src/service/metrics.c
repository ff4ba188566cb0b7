/* metrics.c: see metrics.h. */

#include "service/metrics.h"

#include "base/clock.h"
#include "base/log.h"
#include "service/cache_memory.h"
#include "service/fleet.h"
#include "service/ledger.h"
#include "service/meter.h"
#include "service/process_figures.h"
#include "service/prompt_keeper.h"
#include "service/snapshot_keeper.h"
#include "service/target_names.h"
#include "service/tracer.h"

#include <errno.h>
#include <stdlib.h>

enum {
    TEXT_MOST = 64 << 20,
    FLEET_MS = 2000, /* a worker that does not answer for so long is left out */
};

static void gauge(struct exposition *e, enum metric_id id, uint64_t n)
{
    exposition_add(e, id, NULL, n);
}

/* --- what workers tell of providers --- */

static void tell_target(struct exposition *e, const struct target_names *n,
                        const struct health_figures *f)
{
    static const struct slice states[] = {
        [HEALTH_CLOSED] = SLICE_INIT("closed"),
        [HEALTH_OPEN] = SLICE_INIT("open"),
        [HEALTH_HALF_OPEN] = SLICE_INIT("half_open"),
    };
    const struct target **place = target_names_place(n, f->identity);

    if (!place)
        return; /* of a configuration that is gone */
    const struct target *target = *place;
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        const struct slice labels[] = {target->provider, target->model, states[i]};
        exposition_add(e, METRIC_ID_CIRCUITS, labels, i == (size_t)f->state);
    }
    exposition_add(e, METRIC_ID_UPSTREAM_IN_FLIGHT,
                   (const struct slice[]){target->provider, target->model}, f->outstanding);
}

static void tell_origin(struct exposition *e, const struct target_names *n,
                        const struct census_origin *o)
{
    struct slice provider = target_names_origin(n, o->hash);
    const struct {
        struct slice state;
        size_t n;
    } states[] = {
        {SLICE_INIT("active"),  o->open - o->idle},
        {SLICE_INIT("idle"),    o->idle          },
        {SLICE_INIT("waiting"), o->waiting       },
    };

    if (slice_is_empty(provider))
        provider = SLICE("other");
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        exposition_add(e, METRIC_ID_UPSTREAM_CONNECTIONS,
                       (const struct slice[]){provider, states[i].state}, states[i].n);
}

static void tell_limiter(struct exposition *e, const struct limiter_figures *f)
{
    const struct {
        enum metric_id metric;
        struct slice label;
        uint64_t n;
        bool shared; /* makes sense with Redis only */
    } figures[] = {
        {METRIC_ID_LIMITER_ANSWERS,   SLICE("redis"),     f->by_redis,  true },
        {METRIC_ID_LIMITER_ANSWERS,   SLICE("local"),     f->by_local,  false},
        {METRIC_ID_LIMITER_ANSWERS,   SLICE("open"),      f->by_open,   true },
        {METRIC_ID_LIMITER_ANSWERS,   SLICE("closed"),    f->by_closed, true },
        {METRIC_ID_LIMITER_REACHED,   SLICE("reached"),   f->reached,   true },
        {METRIC_ID_LIMITER_REACHED,   SLICE("away"),      !f->reached,  true },
        {METRIC_ID_LIMITER_FAULTS,    SLICE("timeout"),   f->timeouts,  true },
        {METRIC_ID_LIMITER_FAULTS,    SLICE("refused"),   f->refusals,  true },
        {METRIC_ID_LIMITER_FAULTS,    SLICE("forgotten"), f->forgotten, true },
        {METRIC_ID_LIMITER_UNSETTLED, SLICE(""),          f->unsettled, true },
    };

    for (size_t i = 0; i < ARRAY_LEN(figures); i++)
        if (f->shared || !figures[i].shared)
            exposition_add(e, figures[i].metric, &figures[i].label, figures[i].n);
}

static void tell_report(struct exposition *e, const struct target_names *n,
                        const struct fleet_report *r)
{
    for (size_t i = 0; i < r->census.targets_len; i++)
        tell_target(e, n, &r->census.targets[i]);
    for (size_t i = 0; i < r->census.origins_len; i++)
        tell_origin(e, n, &r->census.origins[i]);
    gauge(e, METRIC_ID_CLIENT_CONNECTIONS, r->client_connections);
    tell_limiter(e, &r->limiter);
}

static void tell_fleet(struct exposition *e, const struct target_names *n, struct fleet *fleet)
{
    struct fleet_reports *reports;

    if (!fleet)
        return;
    if (fleet_ask(fleet, FLEET_MS, &reports) < 0) {
        e->rc = -ENOMEM;
        return;
    }
    uint64_t instances = 0; /* every worker knows the same, or less */
    for (size_t i = 0; i < reports->len; i++) {
        tell_report(e, n, &reports->at[i]);
        instances = MAX(instances, reports->at[i].limiter.instances);
    }
    if (instances)
        gauge(e, METRIC_ID_LIMITER_INSTANCES, instances);
    fleet_reports_free(reports);
}

/* --- what is served --- */

static uint64_t age_us(uint64_t wall_us)
{
    uint64_t now = clock_wall_us();

    return wall_us && now > wall_us ? now - wall_us : 0;
}

static void tell_snapshot(struct exposition *e, struct snapshot_keeper *keeper)
{
    struct snapshot_state state;

    if (!keeper)
        return;
    snapshot_keeper_state(keeper, &state);
    gauge(e, METRIC_ID_SNAPSHOT_VERSION, state.version);
    gauge(e, METRIC_ID_SNAPSHOT_AGE, age_us(state.true_wall_us));
    gauge(e, METRIC_ID_SNAPSHOT_FAILING, state.failing);
    gauge(e, METRIC_ID_SNAPSHOT_MODELS, state.models);
    gauge(e, METRIC_ID_SNAPSHOT_KEYS, state.keys);
}

/* Providers and models have their names in the snapshot: it is held while they are told. */
static void tell_providers(struct exposition *e, const struct metrics_sources *s)
{
    const struct snapshot *snapshot = s->slot ? snapshot_take(s->slot) : NULL;
    struct target_names names = {0};

    if (target_names_make(snapshot, &e->arena, &names) < 0)
        e->rc = -ENOMEM;
    tell_fleet(e, &names, s->fleet);
    if (snapshot)
        snapshot_drop(snapshot);
}

/* --- the ledger --- */

static void tell_ledger(struct exposition *e, const struct ledger *ledger)
{
    static const struct slice journals = SLICE_INIT("journal"), spool = SLICE_INIT("spool");
    static const struct slice database = SLICE_INIT("database"), written = SLICE_INIT("written");
    static const struct slice dropped = SLICE_INIT("dropped"), rejected = SLICE_INIT("rejected");
    struct ledger_state state;

    if (!ledger)
        return;
    ledger_look(ledger, &state);
    exposition_add(e, METRIC_ID_LEDGER_BACKLOG, &journals, state.in_journals);
    exposition_add(e, METRIC_ID_LEDGER_BACKLOG, &spool, state.in_spool);
    gauge(e, METRIC_ID_LEDGER_AGE, age_us(state.oldest_wall_us));
    exposition_add(e, METRIC_ID_LEDGER_RECORDS, &written, state.written);
    exposition_add(e, METRIC_ID_LEDGER_RECORDS, &dropped, state.dropped);
    exposition_add(e, METRIC_ID_LEDGER_RECORDS, &rejected, state.rejected);
    gauge(e, METRIC_ID_LEDGER_SPOOL, state.spool_bytes);
    gauge(e, METRIC_ID_LEDGER_SPOOL_MOST, state.spool_most);
    exposition_add(e, METRIC_ID_LEDGER_FAILING, &database, state.failing_since_wall_us > 0);
    exposition_add(e, METRIC_ID_LEDGER_FAILING, &spool, state.spool_failing_since_wall_us > 0);
}

/* --- kept answers --- */

static void tell_one(struct exposition *e, enum metric_id id, struct slice label,
                     const _Atomic uint64_t *counter)
{
    exposition_add(e, id, &label, atomic_load_explicit(counter, memory_order_relaxed));
}

static void tell_cache(struct exposition *e, struct cache_memory *m)
{
    struct cache_memory_state state;

    if (!m)
        return;
    const struct cache_counters *c = cache_memory_counters(m);
    cache_memory_state(m, &state);
    tell_one(e, METRIC_ID_CACHE_LOOKUPS, SLICE("hit"), &c->hits);
    tell_one(e, METRIC_ID_CACHE_LOOKUPS, SLICE("miss"), &c->misses);
    tell_one(e, METRIC_ID_CACHE_LOOKUPS, SLICE("unanswered"), &c->unanswered);
    tell_one(e, METRIC_ID_CACHE_ANSWERS, SLICE("kept"), &c->stores);
    tell_one(e, METRIC_ID_CACHE_ANSWERS, SLICE("too_large"), &c->too_large);
    tell_one(e, METRIC_ID_CACHE_ANSWERS, SLICE("refused"), &c->refused);
    gauge(e, METRIC_ID_CACHE_EVICTIONS, state.evictions);
    gauge(e, METRIC_ID_CACHE_ENTRIES, state.entries);
    gauge(e, METRIC_ID_CACHE_BYTES, state.bytes);
    gauge(e, METRIC_ID_CACHE_BYTES_MOST, state.most);
}

/* --- traces --- */

static void tell_traces(struct exposition *e, const struct trace_figures *figures)
{
    static const struct slice exported = SLICE_INIT("exported"), failed = SLICE_INIT("failed");
    static const struct slice dropped = SLICE_INIT("dropped");

    if (!figures)
        return;
    exposition_add(e, METRIC_ID_TRACE_SPANS, &exported, tally_get(&figures->exported));
    exposition_add(e, METRIC_ID_TRACE_SPANS, &failed, tally_get(&figures->failed));
    for (size_t i = 0; i < figures->tracers_len; i++)
        exposition_add(e, METRIC_ID_TRACE_SPANS, &dropped, tracer_dropped(figures->tracers[i]));
}

/* --- stored prompts --- */

static void tell_prompts(struct exposition *e, const struct prompt_figures *figures)
{
    if (!figures)
        return;
    tell_one(e, METRIC_ID_PROMPTS, SLICE("stored"), &figures->stored);
    tell_one(e, METRIC_ID_PROMPTS, SLICE("dropped"), &figures->dropped);
    tell_one(e, METRIC_ID_PROMPTS, SLICE("failed"), &figures->failed);
}

/* --- the process --- */

static void tell_process(struct exposition *e, const struct metrics_sources *s)
{
    const struct slice build[] = {slice_str(s->version), slice_str(s->commit)};
    struct process_figures p;

    process_figures_take(&p);
    exposition_add(e, METRIC_ID_BUILD, build, 1);
    gauge(e, METRIC_ID_WORKERS, s->meters_len);
    gauge(e, METRIC_ID_DRAINING, s->draining && atomic_load(s->draining));
    gauge(e, METRIC_ID_LOG_DROPPED, log_dropped());
    gauge(e, METRIC_ID_PROCESS_CPU, p.cpu_us);
    gauge(e, METRIC_ID_PROCESS_START, s->started_wall_us);
    gauge(e, METRIC_ID_PROCESS_RSS, p.resident_bytes);
    gauge(e, METRIC_ID_PROCESS_VIRTUAL, p.virtual_bytes);
    gauge(e, METRIC_ID_PROCESS_FDS, p.fds);
    gauge(e, METRIC_ID_PROCESS_MAX_FDS, p.fds_most);
}

int metrics_write(const struct metrics_sources *s, struct buf *ret)
{
    struct exposition *e = malloc(sizeof(*e));

    if (!e)
        return -ENOMEM;
    exposition_init(e);
    for (size_t i = 0; i < s->meters_len; i++)
        meter_tell(s->meters[i], e);
    tell_providers(e, s);
    tell_snapshot(e, s->keeper);
    tell_ledger(e, s->ledger);
    tell_cache(e, s->cache);
    tell_traces(e, s->traces);
    tell_prompts(e, s->prompts);
    tell_process(e, s);
    exposition_write(e, ret);
    int rc = e->rc < 0 ? e->rc : ret->rc;
    exposition_free(e);
    free(e);
    return rc;
}

/* --- for a request --- */

struct metrics_errand {
    struct errand errand;
    const struct metrics_sources *sources;
    struct metrics_ask *ask;
    struct buf text;
};

static int metrics_run(struct errand *e)
{
    struct metrics_errand *m = container_of(e, struct metrics_errand, errand);

    return metrics_write(m->sources, &m->text);
}

static void metrics_done(struct op *op, int rc)
{
    struct metrics_errand *m = container_of(op, struct metrics_errand, errand.op);
    struct metrics_ask *ask = m->ask;

    ask->text = buf_slice(&m->text);
    ask->op.done(&ask->op, rc);
}

static void metrics_release(struct errand *e)
{
    struct metrics_errand *m = container_of(e, struct metrics_errand, errand);

    buf_free(&m->text);
    free(m);
}

int metrics_ask(const struct metrics_sources *s, struct loop *loop, struct arena *a,
                struct metrics_ask *ask)
{
    struct metrics_errand *m = calloc(1, sizeof(*m));

    if (!m)
        return -ENOMEM;
    m->errand =
        (struct errand){.op.done = metrics_done, .run = metrics_run, .release = metrics_release};
    m->sources = s;
    m->ask = ask;
    buf_init(&m->text, TEXT_MOST);
    return errand_start(loop, &m->errand, a);
}
