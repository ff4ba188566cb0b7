/* ledger_journals.h: all journals of the process, those of earlier workers included, read as one.
 * Private to the ledger. */

#pragma once

#include "model/record.h"

struct journal;

/* Two read, each at its own place; what either advances over is gone for both. */
enum journals_reader { FOR_DATABASE, FOR_SPOOL, JOURNALS_READERS };

struct ledger_journals {
    struct journal_source *sources;
    size_t len, cap;
    size_t first;                     /* the source that begins the next round: none is starved */
    size_t reading[JOURNALS_READERS]; /* sources behind the first one */
    int lock;                         /* of the folder; -1: none */
};

void ledger_journals_init(struct ledger_journals *j);
void ledger_journals_free(struct ledger_journals *j);
/* Locks the folder, opens `workers` journals of `bytes` each, and what else lies there. */
int ledger_journals_open(struct ledger_journals *j, const char *folder, unsigned workers,
                         size_t bytes);

/* The next up to n unread records behind those already read; 0: no more. In the order of their
 * journal, one journal after the other. */
size_t ledger_journals_read(struct ledger_journals *j, enum journals_reader who, struct record *ret,
                            size_t n);
/* They are to be read again. */
void ledger_journals_rewind(struct ledger_journals *j, enum journals_reader who);
/* They are safe elsewhere. The other reader must rewind. */
void ledger_journals_advance(struct ledger_journals *j, enum journals_reader who);

/* See journal_sync; one thread. -errno: of the first that failed. */
int ledger_journals_sync(struct ledger_journals *j);

/* Unread records. Any thread. */
size_t ledger_journals_backlog(const struct ledger_journals *j);
/* Whether one of them is filling (journal_is_filling). Any thread. */
bool ledger_journals_are_filling(const struct ledger_journals *j);
/* Records for which there was no room. Any thread. */
uint64_t ledger_journals_lost(const struct ledger_journals *j);
struct journal *ledger_journals_at(const struct ledger_journals *j, unsigned i);
