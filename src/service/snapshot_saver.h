/* snapshot_saver.h: the yard thread that keeps the snapshot file true, so that writing a million
 * keys delays no revocation.
 *
 * The first snapshot is written at once; later ones at most every ten seconds, and so that writing
 * takes at most a twentieth of the time. Private to the services. */

#pragma once

#include "base/buf.h"
#include "service/snapshot.h"
#include "service/snapshot_file.h"

struct snapshot_saver;

/* Both are copied. -ENOMEM, -errno. */
int snapshot_saver_start(const char *path, const struct sealed_key *key,
                         struct snapshot_saver **ret);
/* From now on this is what should stand in the file. Takes the snapshot, held by snapshot_take, and
 * the entries' bytes; NULL: those of the last offer hold. */
void snapshot_saver_offer_take(struct snapshot_saver *s, const struct snapshot *snapshot,
                               struct buf *entries, struct snapshot_stamp stamp);
/* Writes what waits, then ends. NULL is harmless. */
void snapshot_saver_stop(struct snapshot_saver *s);
