/* ledger.h: the yard thread that carries usage records from the journals into the database.
 *
 * Batches: one transaction each, idempotent by record id; only then a journal's read mark moves.
 * With the database away, or slower than records come, they are moved into the spool on disk; it is
 * tried again every 100 ms to 5 s, and what was spooled goes first. With the spool at its limit, or
 * its disk full, the journals fill. */

#pragma once

#include "base/slice.h"
#include "model/record.h"

#include <stdatomic.h>

struct ledger;
struct journal;

struct ledger_options {
    struct slice store; /* the setting: sqlite:path */
    const char *folder; /* where the journals live; left-overs in it are replayed at start */
    unsigned workers;   /* journals to make: one each */
    size_t journal_bytes;
    uint64_t spool_bytes; /* most on disk */
    /* Nothing is written into the store before this is true: it may be another installation's.
     * NULL: it is known. Outlives the ledger. */
    const atomic_bool *admitted;
};

/* Opens the journals and the spool, starts the thread; what is left there goes first. */
int ledger_start(const struct ledger_options *options, struct ledger **ret);
/* The journal of worker i: that worker is its only writer. */
struct journal *ledger_journal(struct ledger *l, unsigned i);
/* Records not yet in the database. Any thread. */
size_t ledger_backlog(const struct ledger *l);

/* How it stands. Counts of records begin at 0 with the process, but for those that wait. */
struct ledger_state {
    uint64_t in_journals, in_spool;       /* records that wait */
    uint64_t spool_bytes, spool_most;     /* on disk, and how many they may be */
    uint64_t written;                     /* records that the database has taken */
    uint64_t dropped;                     /* lost: no room for them, or damaged on disk */
    uint64_t rejected;                    /* refused by the database for good; kept in a file */
    uint64_t failing_since_wall_us;       /* the database takes no records; 0: it does */
    uint64_t spool_failing_since_wall_us; /* nothing can be spooled: full, or the disk; 0: it can */
    uint64_t oldest_wall_us;              /* when the oldest request that waits began; 0: none */
};
/* Any thread; never waits. The members are no common moment's. */
void ledger_look(const struct ledger *l, struct ledger_state *ret);
/* Writes out everything (waits up to limit_ms for the database; not at all for one that is away
 * already), ends the thread, closes. Returns how many records remain in the files for the next
 * start. */
size_t ledger_stop(struct ledger *l, uint64_t limit_ms);
