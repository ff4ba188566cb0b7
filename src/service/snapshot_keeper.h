/* snapshot_keeper.h: the yard thread that loads users, keys, providers and models and publishes
 * snapshots.
 *
 * Notices changes of the database (also by other processes: `courier key create`) within a quarter
 * of a second. A database that is away leaves the last snapshot in place. A row that is wrong (a
 * model without its provider) is left out and logged, the rest is served. */

#pragma once

#include "base/secret.h"
#include "service/snapshot.h"

struct snapshot_keeper;

struct snapshot_keeper_options {
    struct slice store;
    struct secret secret_key; /* opens the providers' keys */
    struct snapshot_slot *slot;
};

/* Loads once before it returns (-errno with *ret set: nothing could be loaded; the thread goes on
 * trying), then starts the thread. */
int snapshot_keeper_start(const struct snapshot_keeper_options *options,
                          struct snapshot_keeper **ret);
/* Load now (SIGHUP). Any thread. */
void snapshot_keeper_reload(struct snapshot_keeper *k);
void snapshot_keeper_stop(struct snapshot_keeper *k);
