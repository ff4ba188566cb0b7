/* health_gather.c: see health_gather.h. */

#include "service/health_gather.h"

#include "base/clock.h"
#include "base/map.h"
#include "router/registry.h"
#include "service/fleet.h"
#include "service/ledger.h"
#include "service/snapshot_keeper.h"
#include "service/target_names.h"

#include <errno.h>
#include <stdlib.h>

enum { FLEET_MS = 2000 };

/* While providers and targets are put together. */
struct gathering {
    struct arena *arena;
    struct target_names names;
    struct map providers;           /* by name → struct provider_building */
    struct target_health **targets; /* beside names.targets; NULL: not used */
    int rc;
};

struct provider_building {
    struct provider_health told;
    struct target_health *targets; /* room for all of them */
};

/* --- providers: those of the registry's targets --- */

static void add_provider_target(struct gathering *g, const struct target *target)
{
    struct provider_building *p = map_get(&g->providers, target->provider);

    if (!p) {
        p = arena_new(g->arena, struct provider_building);
        if (!p || map_put(&g->providers, target->provider, p) < 0) {
            g->rc = -ENOMEM;
            return;
        }
        p->told.name = target->provider;
    }
    p->told.targets_len++; /* as room, first */
}

static void make_rooms(struct gathering *g)
{
    struct map_entry *entry;
    size_t at = 0;

    while ((entry = map_next(&g->providers, &at))) {
        struct provider_building *p = entry->value;
        p->told.configured = p->told.targets_len;
        p->targets = arena_new_array(g->arena, struct target_health, p->told.targets_len);
        p->told.targets = p->targets;
        p->told.targets_len = 0;
        if (!p->targets)
            g->rc = -ENOMEM;
    }
}

static void gather_providers(struct gathering *g, const struct snapshot *snapshot)
{
    g->rc = target_names_make(snapshot, g->arena, &g->names);
    if (g->rc < 0)
        return;
    g->targets = arena_new_array(g->arena, struct target_health *, g->names.len);
    if (!g->targets)
        g->rc = -ENOMEM;
    for (size_t i = 0; g->rc == OK && i < g->names.len; i++)
        add_provider_target(g, g->names.targets[i]);
    if (g->rc == OK)
        make_rooms(g);
}

/* --- what workers say --- */

static struct target_health *target_of(struct gathering *g, uint64_t identity)
{
    const struct target **found = target_names_place(&g->names, identity);

    if (!found)
        return NULL; /* of a configuration that is gone */
    size_t at = (size_t)(found - g->names.targets);
    if (g->targets[at])
        return g->targets[at];
    const struct target *target = *found;
    struct provider_building *p = map_get(&g->providers, target->provider);
    struct target_health *t = &p->targets[p->told.targets_len++];
    *t = (struct target_health){
        .provider = target->provider,
        .model = target->model,
        .upstream_model = target->upstream_model,
        .address = target->authority,
    };
    return g->targets[at] = t;
}

static void add_target(struct gathering *g, const struct health_figures *f)
{
    static const enum health_circuit circuits[] = {
        [HEALTH_CLOSED] = CIRCUIT_CLOSED,
        [HEALTH_OPEN] = CIRCUIT_OPEN,
        [HEALTH_HALF_OPEN] = CIRCUIT_HALF_OPEN,
    };
    struct target_health *t = target_of(g, f->identity);

    if (!t)
        return;
    t->workers[circuits[f->state]]++;
    t->rests_ms = MAX(t->rests_ms, f->wait_ms);
    t->in_flight += f->outstanding;
    t->failures_in_a_row = MAX(t->failures_in_a_row, f->in_a_row);
    t->calls += f->calls;
    t->failures += f->failures;
}

static void add_origin(struct gathering *g, const struct census_origin *o)
{
    struct provider_building *p = map_get(&g->providers, target_names_origin(&g->names, o->hash));

    if (!p)
        return;
    p->told.active += o->open - o->idle;
    p->told.idle += o->idle;
    p->told.waiting += o->waiting;
}

static void add_census(struct gathering *g, const struct census *c)
{
    for (size_t i = 0; i < c->targets_len; i++)
        add_target(g, &c->targets[i]);
    for (size_t i = 0; i < c->origins_len; i++)
        add_origin(g, &c->origins[i]);
}

static int compare_providers(const void *a, const void *b)
{
    return slice_order(((const struct provider_health *)a)->name,
                       ((const struct provider_health *)b)->name);
}

static void list_providers(struct gathering *g, struct health_report *r)
{
    struct provider_health *list =
        arena_new_array(g->arena, struct provider_health, g->providers.len);
    struct map_entry *entry;
    size_t at = 0;

    if (!list) {
        g->rc = -ENOMEM;
        return;
    }
    while ((entry = map_next(&g->providers, &at)))
        list[r->providers_len++] = ((struct provider_building *)entry->value)->told;
    if (r->providers_len)
        qsort(list, r->providers_len, sizeof(list[0]), compare_providers);
    r->providers = list;
}

static void add_limiter(struct gathering *g, struct limiter_health *l,
                        const struct fleet_report *report)
{
    const struct limiter_figures *f = &report->limiter;

    l->shared = f->shared;
    l->workers += f->shared;
    l->reached += f->shared && f->reached;
    l->by_redis += f->by_redis;
    l->by_local += f->by_local;
    l->by_open += f->by_open;
    l->by_closed += f->by_closed;
    l->unsettled += f->unsettled;
    l->instances = MAX(l->instances, f->instances);
    if (report->limiter_why[0]) {
        l->why = arena_copy(g->arena, slice_str(report->limiter_why));
        if (!l->why.at)
            g->rc = -ENOMEM;
    }
}

static int gather_fleet(const struct metrics_sources *s, struct gathering *g,
                        struct health_report *r)
{
    struct fleet_reports *reports;
    int rc = fleet_ask(s->fleet, FLEET_MS, &reports);

    if (rc < 0)
        return rc;
    r->workers_heard = reports->len;
    for (size_t i = 0; i < reports->len; i++) {
        add_census(g, &reports->at[i].census);
        add_limiter(g, &r->limiter, &reports->at[i]);
    }
    fleet_reports_free(reports);
    list_providers(g, r);
    return g->rc;
}

/* --- the rest --- */

static void look_at_snapshot(struct snapshot_keeper *keeper, struct health_report *r)
{
    static const struct slice sources[] = {
        [SNAPSHOT_OF_NOTHING] = SLICE_INIT("nothing"),
        [SNAPSHOT_OF_DATABASE] = SLICE_INIT("database"),
        [SNAPSHOT_OF_FILE] = SLICE_INIT("file"),
    };
    struct snapshot_state state;

    snapshot_keeper_state(keeper, &state);
    r->database = (struct database_health){
        .reachable = !state.failing,
        .since_wall_us = state.since_wall_us,
        .question_us = state.question_us,
        .schema = state.schema,
    };
    r->snapshot = (struct snapshot_health){
        .source = sources[state.source],
        .version = state.version,
        .true_wall_us = state.true_wall_us,
        .keys = state.keys,
        .models = state.models,
    };
}

static void look_at_ledger(const struct ledger *ledger, struct health_report *r)
{
    struct ledger_state state;

    ledger_look(ledger, &state);
    r->ledger = (struct ledger_health){
        .in_journals = state.in_journals,
        .in_spool = state.in_spool,
        .oldest_wall_us = state.oldest_wall_us,
        .written = state.written,
        .dropped = state.dropped,
        .rejected = state.rejected,
        .spool_bytes = state.spool_bytes,
        .spool_most = state.spool_most,
        .failing_since_wall_us = state.failing_since_wall_us,
        .spool_failing_since_wall_us = state.spool_failing_since_wall_us,
    };
}

/* Names belong to the snapshot: they are copied into the arena before it is given back. */
static void keep_name(struct arena *a, struct slice *name, int *rc)
{
    *name = arena_copy(a, *name);
    if (!name->at)
        *rc = -ENOMEM;
}

static int keep_names(struct arena *a, const struct health_report *r)
{
    int rc = OK;

    for (size_t i = 0; i < r->providers_len; i++) {
        struct provider_health *p = (struct provider_health *)(uintptr_t)&r->providers[i];
        keep_name(a, &p->name, &rc);
        for (size_t t = 0; t < p->targets_len; t++) {
            struct target_health *target = (struct target_health *)(uintptr_t)&p->targets[t];
            target->provider = p->name;
            keep_name(a, &target->model, &rc);
            keep_name(a, &target->upstream_model, &rc);
            keep_name(a, &target->address, &rc);
        }
    }
    return rc;
}

static int gather_served(const struct metrics_sources *s, struct arena *a, struct health_report *r)
{
    const struct snapshot *snapshot = snapshot_take(s->slot);
    struct gathering g = {.arena = a};

    map_init(&g.providers);
    gather_providers(&g, snapshot);
    int rc = g.rc < 0 ? g.rc : gather_fleet(s, &g, r);
    if (rc == OK)
        rc = keep_names(a, r);
    map_free(&g.providers);
    snapshot_drop(snapshot);
    return rc;
}

int health_gather(const struct metrics_sources *s, struct arena *a, struct health_report **ret)
{
    struct health_report *r = arena_new(a, struct health_report);

    *ret = r;
    if (!r)
        return -ENOMEM;
    r->version = slice_str(s->version);
    r->commit = slice_str(s->commit);
    r->instance = s->instance;
    r->now_wall_us = clock_wall_us();
    r->started_wall_us = s->started_wall_us;
    r->workers = s->meters_len;
    r->draining = atomic_load(s->draining);
    look_at_snapshot(s->keeper, r);
    look_at_ledger(s->ledger, r);
    return gather_served(s, a, r);
}

/* --- for a request --- */

struct health_errand {
    struct errand errand;
    const struct metrics_sources *sources;
    struct health_ask *ask;
    struct arena arena;
    struct health_report *report;
};

static int health_run(struct errand *e)
{
    struct health_errand *h = container_of(e, struct health_errand, errand);

    return health_gather(h->sources, &h->arena, &h->report);
}

static void health_done(struct op *op, int rc)
{
    struct health_errand *h = container_of(op, struct health_errand, errand.op);
    struct health_ask *ask = h->ask;

    ask->report = h->report;
    ask->op.done(&ask->op, rc);
}

static void health_release(struct errand *e)
{
    struct health_errand *h = container_of(e, struct health_errand, errand);

    arena_clear(&h->arena);
    free(h);
}

int health_ask(const struct metrics_sources *s, struct loop *loop, struct arena *a,
               struct health_ask *ask)
{
    struct health_errand *h = calloc(1, sizeof(*h));

    if (!h)
        return -ENOMEM;
    h->errand =
        (struct errand){.op.done = health_done, .run = health_run, .release = health_release};
    h->sources = s;
    h->ask = ask;
    arena_init(&h->arena, 0);
    return errand_start(loop, &h->errand, a);
}
