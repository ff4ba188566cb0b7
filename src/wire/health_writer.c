/* health_writer.c: see health_writer.h. */

#include "wire/health_writer.h"

#include "base/clock.h"
#include "codec/json_out.h"

static void add_text(struct json_out *o, struct slice text)
{
    json_out_char(o, '"');
    json_out_escape(o, text);
    json_out_char(o, '"');
}

/* A member whose value is a text, a number, a time, yes or no. */
#define TEXT(o, name, value)   (add_name((o), name), add_text((o), (value)))
#define NUMBER(o, name, value) (add_name((o), name), json_out_u64((o), (value)))
#define TIME(o, name, value)   (add_name((o), name), add_time((o), (value)))
#define BOOL(o, name, value)   (add_name((o), name), add_bool((o), (value)))
#define BEGIN(o, name)         (add_name((o), name), json_out_char((o), '{'))

static void add_name(struct json_out *o, const char *name)
{
    json_out_comma(o);
    json_out_quote(o, slice_str(name));
    json_out_char(o, ':');
}

static void add_bool(struct json_out *o, bool value)
{
    json_out_add(o, value ? SLICE("true") : SLICE("false"));
}

/* 0: null */
static void add_time(struct json_out *o, uint64_t wall_us)
{
    char text[CLOCK_RFC3339_LEN + 1];

    if (wall_us == 0) {
        json_out_literal(o, "null");
        return;
    }
    clock_rfc3339(wall_us, text);
    json_out_quote(o, slice_of(text, CLOCK_RFC3339_LEN));
}

static void add_gateway(struct json_out *o, const struct health_report *r)
{
    TEXT(o, "version", r->version);
    TEXT(o, "commit", r->commit);
    TEXT(o, "instance", r->instance);
    TIME(o, "started_at", r->started_wall_us);
    NUMBER(o, "uptime_s", (r->now_wall_us - MIN(r->started_wall_us, r->now_wall_us)) / 1000000);
    NUMBER(o, "workers", r->workers);
    NUMBER(o, "workers_answering", r->workers_heard);
    BOOL(o, "draining", r->draining);
}

static void add_database(struct json_out *o, const struct database_health *d)
{
    BEGIN(o, "database");
    TEXT(o, "status", d->reachable ? SLICE("ok") : SLICE("unreachable"));
    TIME(o, "since", d->since_wall_us);
    NUMBER(o, "latency_us", d->question_us);
    NUMBER(o, "schema", d->schema);
    json_out_char(o, '}');
}

static void add_limiter(struct json_out *o, const struct limiter_health *l)
{
    BEGIN(o, "limiter");
    TEXT(o, "status", l->reached == l->workers ? SLICE("ok") : SLICE("degraded"));
    TEXT(o, "counts", l->shared ? SLICE("redis") : SLICE("memory"));
    if (l->shared) {
        NUMBER(o, "workers_reached", l->reached);
        TEXT(o, "why", l->why);
        NUMBER(o, "instances", l->instances);
        NUMBER(o, "unsettled", l->unsettled);
    }
    BEGIN(o, "decided_by");
    NUMBER(o, "redis", l->by_redis);
    NUMBER(o, "local", l->by_local);
    NUMBER(o, "open", l->by_open);
    NUMBER(o, "closed", l->by_closed);
    json_out_literal(o, "}}");
}

static void add_ledger(struct json_out *o, const struct ledger_health *l)
{
    bool good = !l->failing_since_wall_us && !l->spool_failing_since_wall_us;

    BEGIN(o, "ledger");
    TEXT(o, "status", good ? SLICE("ok") : SLICE("failing"));
    NUMBER(o, "backlog", l->in_journals + l->in_spool);
    NUMBER(o, "in_journals", l->in_journals);
    NUMBER(o, "in_spool", l->in_spool);
    TIME(o, "oldest_at", l->oldest_wall_us);
    NUMBER(o, "written", l->written);
    NUMBER(o, "dropped", l->dropped);
    NUMBER(o, "rejected", l->rejected);
    NUMBER(o, "spool_bytes", l->spool_bytes);
    NUMBER(o, "spool_limit_bytes", l->spool_most);
    TIME(o, "failing_since", l->failing_since_wall_us);
    TIME(o, "spool_failing_since", l->spool_failing_since_wall_us);
    json_out_char(o, '}');
}

static void add_snapshot(struct json_out *o, const struct health_report *r)
{
    const struct snapshot_health *s = &r->snapshot;

    BEGIN(o, "snapshot");
    TEXT(o, "source", s->source);
    NUMBER(o, "version", s->version);
    TIME(o, "current_at", s->true_wall_us);
    NUMBER(o, "keys", s->keys);
    NUMBER(o, "models", s->models);
    json_out_char(o, '}');
}

/* --- providers --- */

static const char *circuit_name(enum health_circuit circuit)
{
    static const char *const names[] = {
        [CIRCUIT_CLOSED] = "closed",
        [CIRCUIT_HALF_OPEN] = "half_open",
        [CIRCUIT_OPEN] = "open",
    };

    return names[circuit];
}

static void add_target(struct json_out *o, const struct target_health *t, uint64_t now_wall_us)
{
    json_out_comma(o);
    json_out_char(o, '{');
    TEXT(o, "model", t->model);
    TEXT(o, "upstream_model", t->upstream_model);
    TEXT(o, "address", t->address);
    TEXT(o, "circuit", slice_str(circuit_name(target_health_circuit(t))));
    BEGIN(o, "workers");
    for (unsigned i = 0; i < CIRCUIT_STATES; i++)
        NUMBER(o, circuit_name((enum health_circuit)i), t->workers[i]);
    json_out_char(o, '}');
    TIME(o, "rests_until", t->rests_ms ? now_wall_us + t->rests_ms * 1000 : 0);
    NUMBER(o, "in_flight", t->in_flight);
    NUMBER(o, "failures_in_a_row", t->failures_in_a_row);
    NUMBER(o, "calls_10s", t->calls);
    NUMBER(o, "failures_10s", t->failures);
    json_out_char(o, '}');
}

static void add_provider(struct json_out *o, const struct provider_health *p, uint64_t now_wall_us)
{
    json_out_comma(o);
    json_out_char(o, '{');
    TEXT(o, "name", p->name);
    TEXT(o, "status", slice_str(provider_health_status(p)));
    NUMBER(o, "targets_configured", p->configured);
    BEGIN(o, "connections");
    NUMBER(o, "active", p->active);
    NUMBER(o, "idle", p->idle);
    NUMBER(o, "waiting", p->waiting);
    json_out_char(o, '}');
    add_name(o, "targets");
    json_out_char(o, '[');
    for (size_t i = 0; i < p->targets_len; i++)
        add_target(o, &p->targets[i], now_wall_us);
    json_out_literal(o, "]}");
}

static void add_providers(struct json_out *o, const struct health_report *r)
{
    add_name(o, "providers");
    json_out_char(o, '[');
    for (size_t i = 0; i < r->providers_len; i++)
        add_provider(o, &r->providers[i], r->now_wall_us);
    json_out_char(o, ']');
}

struct slice health_write(const struct health_report *r, struct arena *a)
{
    struct json_out o;

    json_out_begin(&o, a, 4096);
    json_out_char(&o, '{');
    TEXT(&o, "status", health_report_is_good(r) ? SLICE("ok") : SLICE("degraded"));
    add_gateway(&o, r);
    add_database(&o, &r->database);
    add_limiter(&o, &r->limiter);
    add_ledger(&o, &r->ledger);
    add_snapshot(&o, r);
    add_providers(&o, r);
    json_out_literal(&o, "}\n");
    return json_out_slice(&o);
}
