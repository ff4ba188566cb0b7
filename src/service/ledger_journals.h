/* ledger_journals.h: all journals of the process, those of earlier workers included, as one source
 * of records. Private to the ledger. */

#pragma once

#include "service/record_source.h"

struct journal;

struct ledger_journals {
    struct record_source source; /* the first unread records of each journal, in its order */
    struct journal_source *sources;
    size_t len, cap;
    size_t first; /* the source that begins the next batch: none is starved */
    int lock;     /* of the folder; -1: none */
    struct record *piece;
};

int ledger_journals_init(struct ledger_journals *j); /* -ENOMEM */
void ledger_journals_free(struct ledger_journals *j);
/* Locks the folder, opens `workers` journals of `bytes` each, and what else lies there. */
int ledger_journals_open(struct ledger_journals *j, const char *folder, unsigned workers,
                         size_t bytes);

/* Unread records. Any thread. */
size_t ledger_journals_backlog(const struct ledger_journals *j);
/* Whether one of them is (journal_is_filling). */
bool ledger_journals_are_filling(const struct ledger_journals *j);
/* Records for which there was no room. Any thread. */
uint64_t ledger_journals_lost(const struct ledger_journals *j);
struct journal *ledger_journals_at(const struct ledger_journals *j, unsigned i);
