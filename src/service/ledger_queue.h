/* ledger_queue.h: all records that are not yet in the database, first in, first out: in the
 * journals, or moved from there into the spool.
 *
 * Two threads of the ledger share it: one reads for the database, the other moves. Neither waits
 * for the other's database or longer than for a sync of the disk. What is moved while it is on its
 * way into the database is written again, which its id makes harmless. Private to the ledger. */

#pragma once

#include "service/ledger_journals.h"
#include "service/spool.h"

#include <pthread.h>

enum { RECORD_PIECE = 64 }; /* copied at once: few enough to stay in the cache */

struct ledger_options;

struct ledger_queue {
    pthread_mutex_t lock;
    struct ledger_journals journals;
    struct spool *spool;
    struct record *piece, *moved; /* of either thread */
    uint64_t moves;               /* times that journals were moved into the spool */
    uint64_t begun_at_moves;      /* of the batch that is read */
    bool from_spool;              /* it is */
    _Atomic uint64_t oldest_wall_us;
};

int ledger_queue_init(struct ledger_queue *q); /* -ENOMEM: still to be freed */
int ledger_queue_open(struct ledger_queue *q, const struct ledger_options *options);
void ledger_queue_free(struct ledger_queue *q);

/* Who gets records, 1 to RECORD_PIECE at a time. Negative ends the handing over. */
struct record_taker {
    int (*take)(struct record_taker *t, const struct record *records, size_t n);
};
/* Hands over up to `most` records, the same again unless advanced. Returns what the taker said
 * last; *ret counts what it took. -ESTALE: they were moved meanwhile: begin again. */
int ledger_queue_hand_over(struct ledger_queue *q, struct record_taker *taker, size_t most,
                           size_t *ret);
/* Those handed over last are in the database. False: they were moved meanwhile and come again. */
bool ledger_queue_advance(struct ledger_queue *q);
bool ledger_queue_is_empty(struct ledger_queue *q);

/* Moves what is in the journals into the spool, safe from a power cut. -ENOBUFS: the spool has its
 * size; -errno. */
int ledger_queue_move(struct ledger_queue *q);
/* Whether it is time to: others go first, or a journal is filling. */
bool ledger_queue_must_move(struct ledger_queue *q);
