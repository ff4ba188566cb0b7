/* snapshot.h: everything that the road must know, in one immutable piece.
 *
 * The snapshot keeper (snapshot_keeper.h) builds a snapshot from the repositories and publishes it
 * in the slot. Each worker has a view: it notices a newer snapshot with one atomic load and swaps
 * then. A request holds the snapshot it began with until its arena ends; that count belongs to the
 * worker, so that the road shares no counter between threads. */

#pragma once

#include "model/rows.h"
#include "base/arena.h"

struct registry;  /* router/registry.h */
struct key_table; /* service/key_table.h */

struct snapshot {
    uint64_t version;
    const struct registry *registry;
    const struct key_table *keys;
    unsigned char hash_key[KEY_HASH_LEN]; /* that the keys are hashed under */
};

struct snapshot_slot; /* one for the process */
struct snapshot_view; /* one for each worker */

struct snapshot_slot *snapshot_slot_new(void);
void snapshot_slot_free(struct snapshot_slot *slot);
/* Of all that is published from now on. The yard's. */
void snapshot_slot_set_hash_key(struct snapshot_slot *slot,
                                const unsigned char hash_key[KEY_HASH_LEN]);
/* Takes the parts; NULL: the one of the current snapshot goes on, shared (there must be one). Their
 * last holder leaves them for snapshot_sweep. From any thread. -ENOMEM: the parts were freed, the
 * old snapshot stays. */
int snapshot_publish_take(struct snapshot_slot *slot, struct registry *registry,
                          struct key_table *keys);
/* Frees what nobody holds any more, which may take milliseconds: for the yard. */
void snapshot_sweep(struct snapshot_slot *slot);
/* The current one, held until snapshot_drop, for the yard; NULL: nothing is loaded yet. */
const struct snapshot *snapshot_take(struct snapshot_slot *slot);
void snapshot_drop(const struct snapshot *snapshot);

struct snapshot_view *snapshot_view_new(struct snapshot_slot *slot);
void snapshot_view_free(struct snapshot_view *view);
/* The newest snapshot, held until the arena ends. NULL: nothing is loaded yet, or out of memory. On
 * the view's worker only. */
const struct snapshot *snapshot_hold(struct snapshot_view *view, struct arena *a);
/* True once something has been published. Any thread. */
bool snapshot_ready(const struct snapshot_slot *slot);
