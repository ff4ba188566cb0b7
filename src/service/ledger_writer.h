/* ledger_writer.h: records from the queue into the database, a batch in a transaction.
 *
 * A record that the database refuses for good must not hold up the others: the batch it is in is
 * halved until it stands alone, and it goes into a file (rejects.h). Whether it is the record or
 * the database is asked with a plain record, in a transaction that is rolled back.
 *
 * A batch that the database does not get done in time is tried again with half of its records, and
 * batches grow again when several were in time.
 *
 * Private to the ledger's thread, but for the counters. */

#pragma once

#include "service/ledger_queue.h"

#include <stdatomic.h>

enum { LEDGER_BATCH = 1024, LEDGER_WHY = 256 };

struct ledger_writer {
    struct record_taker taker;
    char *store, *folder;
    const atomic_bool *admitted; /* see struct ledger_options */
    struct db *db;               /* NULL: to be opened */
    size_t offered;              /* records in the transaction */
    struct record_id first;      /* of them */
    size_t suspects; /* that many of the next ones hold one that is refused; 0: nothing is known */
    size_t most; /* records of a batch; fewer once one took longer than the store is waited for */
    unsigned steady;                          /* batches in time since `most` was last moved */
    char why[LEDGER_WHY];                     /* what went wrong last */
    _Atomic uint64_t written, rejected, lost; /* lost: refused, and no room in the file */
};

int ledger_writer_init(struct ledger_writer *w, struct slice store, const char *folder);
void ledger_writer_free(struct ledger_writer *w);
/* About LEDGER_BATCH records of the queue, which advances. *ret counts those that are done with;
 * 0: there are none. -errno: the database takes nothing, see w->why. */
int ledger_writer_put(struct ledger_writer *w, struct ledger_queue *from, size_t *ret);
void ledger_writer_disconnect(struct ledger_writer *w);
