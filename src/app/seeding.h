/* seeding.h: carries what the configuration says into the store: at the start, with SIGHUP, and
 * again until it has succeeded when the store's server is away.
 *
 *   AWAY   → SEEDED    opened, migrated, entries and admin key written, first key made
 *   SEEDED → AWAY      SIGHUP, and the server does not answer
 *
 * The first attempt is the start's own, in two steps; later ones are a thread's. */

#pragma once

#include "app/config_file.h"

#include <stdatomic.h>

struct seeding;
struct snapshot_keeper;

/* config is that of the start; it is borrowed until seeding_stop. NULL: out of memory. */
struct seeding *seeding_new(struct config *config);
/* Opens the store and finds the secret key, which is in config then. True: also when the server is
 * away and there is a key without it. False: told on standard error; it is in vain. */
bool seeding_open(struct seeding *s);
/* Writes what the configuration says, when the store is open. False: as above. */
bool seeding_begin(struct seeding *s);
/* Whether the store has been opened, migrated and found to be this installation's: others may write
 * into it then. Valid until seeding_stop. */
const atomic_bool *seeding_admits(const struct seeding *s);
/* Whether all is written. Before seeding_start. */
bool seeding_is_done(const struct seeding *s);
/* The admin key that was made by seeding_begin; empty: none was. Valid until seeding_stop. */
struct secret seeding_first_key(const struct seeding *s);
/* Starts the thread, which then owns config's arena. The keeper is admitted to the store when all
 * is written. -errno. */
int seeding_start(struct seeding *s, struct snapshot_keeper *keeper);
/* SIGHUP: from now on that is what the configuration says. Takes it; "reloaded" is logged when it
 * has been written. */
void seeding_reload_take(struct seeding *s, struct config *fresh);
/* Waits for an attempt that runs. NULL is harmless. */
void seeding_stop(struct seeding *s);
