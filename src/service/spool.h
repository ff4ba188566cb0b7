/* spool.h: where usage records wait on disk while the database is away: first in, first out.
 *
 * Files spool-1, spool-2 … in the journals' folder, of about 8 MB each. A record stands in the
 * journal until it is safe here, and here until it is in the database; should the process die in
 * between it is read twice, which its id makes harmless. A damaged segment is put aside once what
 * is whole in it was read. One thread at a time, but for spool_look. Private to the ledger. */

#pragma once

#include "model/record.h"

struct spool;

/* Opens what an earlier process left in the folder, which must exist. most: bytes on disk. */
int spool_open(const char *folder, uint64_t most, struct spool **ret);
void spool_close(struct spool *s);

/* Records for which there is room in any case. */
size_t spool_room(const struct spool *s);
/* At most as many as there is room for. Failed: spool_undo. */
int spool_append(struct spool *s, const struct record *records, size_t n);
/* OK: what was appended is on the disk, safe from a power cut. Failed: as spool_undo. */
int spool_save(struct spool *s);
/* Nothing was appended since the last spool_save. */
void spool_undo(struct spool *s);

bool spool_is_empty(const struct spool *s);
/* The next up to n saved records behind those already read, oldest first; 0: no more. */
size_t spool_read(struct spool *s, struct record *ret, size_t n);
/* They are to be read again. */
void spool_rewind(struct spool *s);
/* They are in the database: segments read to their end are deleted. */
void spool_advance(struct spool *s);

struct spool_state {
    uint64_t records, bytes, most;
    uint64_t damaged; /* records that could not be read any more */
};
/* Any thread. */
void spool_look(const struct spool *s, struct spool_state *ret);
