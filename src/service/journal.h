/* journal.h: the ring file between a worker and the ledger: one writer, one reader.
 *
 * An mmap'd file (MAP_SHARED): an append is a copy and one release store, no system call, and it
 * survives the death of the process. Each slot carries its sequence number and a checksum, so a
 * torn slot is told from a whole one at replay. The same record id may be appended twice: the later
 * one replaces the row (an answer that broke while its last bytes were on the way). */

#pragma once

#include "model/record.h"

struct journal;

/* Creates or opens; what an earlier process left unread is there to be read. bytes: rounded down to
 * whole slots. -errno. */
int journal_open(const char *path, size_t bytes, struct journal **ret);
void journal_close(struct journal *j);
/* The writer's side. -ENOSPC: full. */
int journal_append(struct journal *j, const struct record *r);
/* True when it is so full that new requests should be refused (¾), so that those that run still
 * find room. Any thread. */
bool journal_is_tight(const struct journal *j);
/* True when the reader falls behind (¼). Any thread. */
bool journal_is_filling(const struct journal *j);
/* The writer's side: a record found no room and is gone. Counted; true for the first one. */
bool journal_lose(struct journal *j);
/* How many. Any thread. */
uint64_t journal_lost(const struct journal *j);
/* The reader's side: up to n unread records behind the first `behind` of them, in order, copied;
 * returns how many. */
size_t journal_read(struct journal *j, size_t behind, struct record *ret, size_t n);
/* One thread at a time: of what is unread, all that was appended before the call before is on the
 * disk when it returns. -errno. */
int journal_sync(struct journal *j);
/* They are in the database: the first n unread ones may be overwritten. */
void journal_advance(struct journal *j, size_t n);
size_t journal_backlog(const struct journal *j);
