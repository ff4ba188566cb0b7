/* health_report.h: how the gateway and what it stands on are: what /admin/v1/health tells. Times
 * are Unix time in microseconds; 0: never, or not now. */

#pragma once

#include "base/slice.h"

enum health_circuit { CIRCUIT_CLOSED, CIRCUIT_HALF_OPEN, CIRCUIT_OPEN, CIRCUIT_STATES };

/* A place where a model is answered, as the workers that have used it see it. */
struct target_health {
    struct slice provider, model, upstream_model, address; /* address: host:port */
    unsigned workers[CIRCUIT_STATES];                      /* by the state of their circuits */
    uint64_t rests_ms;                                     /* the longest rest that is left */
    uint64_t in_flight;
    unsigned failures_in_a_row; /* the most of one worker */
    uint64_t calls, failures;   /* of the last 10 s */
};

struct provider_health {
    struct slice name;
    size_t configured;            /* targets */
    size_t active, idle, waiting; /* connections, and calls in line for one */
    /* those that were used since the start, or recently; together, by model */
    const struct target_health *targets;
    size_t targets_len;
};

struct health_report {
    struct slice version, commit, instance;
    uint64_t now_wall_us, started_wall_us;
    size_t workers, workers_heard; /* that answered in time */
    bool draining;

    struct database_health {
        bool reachable;
        uint64_t since_wall_us; /* it is, or is not */
        uint64_t question_us;   /* what its last answer took; 0: none yet */
        uint64_t schema;        /* number of its last migration; 0: not known */
    } database;

    struct limiter_health {
        bool shared;             /* Redis counts */
        size_t reached, workers; /* for so many of them Redis answers */
        struct slice why;        /* it does not; empty: it does */
        uint64_t by_redis, by_local, by_open, by_closed, unsettled, instances;
    } limiter;

    struct ledger_health {
        uint64_t in_journals, in_spool, oldest_wall_us;
        uint64_t written, dropped, rejected;
        uint64_t spool_bytes, spool_most;
        uint64_t failing_since_wall_us, spool_failing_since_wall_us;
    } ledger;

    struct snapshot_health {
        struct slice source; /* "database", "file", "nothing" */
        uint64_t version, true_wall_us;
        size_t keys, models;
    } snapshot;

    const struct provider_health *providers; /* by name */
    size_t providers_len;
};

/* The worst of its circuits. */
enum health_circuit target_health_circuit(const struct target_health *t);
/* "ok", "degraded" (some of its targets rest), "down" (all do), "unused". */
const char *provider_health_status(const struct provider_health *p);
/* Nothing is wrong with the gateway, the store, the ledger or any provider. */
bool health_report_is_good(const struct health_report *r);
