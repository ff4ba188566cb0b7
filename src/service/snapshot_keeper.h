/* snapshot_keeper.h: the yard thread that loads users, keys, providers and models and publishes
 * snapshots.
 *
 * Notices changes of the database (also by other processes: `courier key create`) within a quarter
 * of a second and loads only what changed: one revoked key among a million copies some 40 KB. A
 * database that is away leaves the last snapshot in place. A row that is wrong (a model without its
 * provider) is left out and logged, the rest is served. */

#pragma once

#include "base/secret.h"
#include "service/snapshot.h"

struct snapshot_keeper;

struct snapshot_keeper_options {
    struct slice store;
    struct secret secret_key; /* opens the providers' keys */
    struct snapshot_slot *slot;
    /* What was loaded is kept there, sealed, for a start without the database; NULL: nowhere. */
    const char *file;
    uint64_t max_age_ms; /* an older file is not served; 0: any age will do */
    bool unready;        /* the database is not to be read before snapshot_keeper_admit */
};

/* Loads once before it returns, from the database or else from the file (-errno with *ret set:
 * nothing could be loaded; the thread goes on trying), then starts the thread. */
int snapshot_keeper_start(const struct snapshot_keeper_options *options,
                          struct snapshot_keeper **ret);
/* The database has become what this installation needs (migrated, its own): it may be read. Any
 * thread. */
void snapshot_keeper_admit(struct snapshot_keeper *k);
/* Load now (SIGHUP). Any thread. */
void snapshot_keeper_reload(struct snapshot_keeper *k);

/* Waits until the catalog's version or a later one is served, at most limit_ms: whoever has changed
 * something can then say that it holds. Any thread of the yard. */
void snapshot_keeper_catch_up(struct snapshot_keeper *k, uint64_t version, uint64_t limit_ms);

/* Where what is served comes from. */
enum snapshot_source { SNAPSHOT_OF_NOTHING, SNAPSHOT_OF_DATABASE, SNAPSHOT_OF_FILE };

struct snapshot_state {
    enum snapshot_source source;
    bool failing;           /* the database could not be asked the last time, or may not be */
    uint64_t since_wall_us; /* that began, or ended */
    uint64_t question_us;   /* what the last answer of the database took */
    uint64_t schema;        /* number of its last migration; 0: not known yet */
    uint64_t version;       /* of the catalog, as loaded */
    uint64_t true_wall_us;  /* when the database last said so; 0: never */
    size_t keys, models;
};
/* Any thread; for health and metrics. */
void snapshot_keeper_state(struct snapshot_keeper *k, struct snapshot_state *ret);
void snapshot_keeper_stop(struct snapshot_keeper *k);
