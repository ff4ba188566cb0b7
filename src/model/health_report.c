/* health_report.c: what the figures come to. */

#include "model/health_report.h"

enum health_circuit target_health_circuit(const struct target_health *t)
{
    if (t->workers[CIRCUIT_OPEN])
        return CIRCUIT_OPEN;
    return t->workers[CIRCUIT_HALF_OPEN] ? CIRCUIT_HALF_OPEN : CIRCUIT_CLOSED;
}

const char *provider_health_status(const struct provider_health *p)
{
    size_t resting = 0;

    for (size_t i = 0; i < p->targets_len; i++)
        resting += target_health_circuit(&p->targets[i]) != CIRCUIT_CLOSED;
    if (p->targets_len == 0)
        return "unused";
    if (resting == 0)
        return "ok";
    return resting == p->targets_len ? "down" : "degraded";
}

static bool providers_are_good(const struct health_report *r)
{
    for (size_t i = 0; i < r->providers_len; i++)
        for (size_t t = 0; t < r->providers[i].targets_len; t++)
            if (target_health_circuit(&r->providers[i].targets[t]) != CIRCUIT_CLOSED)
                return false;
    return true;
}

bool health_report_is_good(const struct health_report *r)
{
    return r->limiter.reached == r->limiter.workers && r->database.reachable &&
           slice_eq(r->snapshot.source, SLICE("database")) && !r->ledger.failing_since_wall_us &&
           !r->ledger.spool_failing_since_wall_us && r->workers_heard == r->workers &&
           !r->draining && providers_are_good(r);
}
