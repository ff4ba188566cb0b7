/* snapshot_loader.h: what the database or the snapshot file says becomes a snapshot. Blocking, one
 * thread; private to the services. */

#pragma once

#include "repository/repository.h"
#include "service/installation_keys.h"
#include "service/snapshot.h"
#include "service/snapshot_file.h"

struct snapshot_loader {
    struct snapshot_slot *slot;
    struct installation_keys keys; /* open the providers' keys */
    bool rotated; /* the store's secret is another by now: providers and models stay as loaded */
    struct repository_versions loaded; /* of the database, as published; 0: nothing was */
};

/* Reads what moved behind `loaded`, and publishes it; the rest is shared with the snapshot before.
 * anyway: providers and models even when they did not move. packed (may be NULL): gets them for the
 * snapshot file when they were read. Errors as in store/db.h; all stays as it was. */
int snapshot_loader_read(struct snapshot_loader *l, struct db *db, bool anyway, struct buf *packed);
/* Publishes what the file holds. `loaded` stays: the database is to be read whole when it is back.
 * Errors as in snapshot_file_read; -ESTALE: older than max_age_ms (0: any age will do). */
int snapshot_loader_read_file(struct snapshot_loader *l, const char *path,
                              const struct sealed_key *key, uint64_t max_age_ms,
                              struct snapshot_stamp *ret_stamp);
