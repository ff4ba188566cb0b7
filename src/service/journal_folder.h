/* journal_folder.h: the folder that holds one process' journals and spool: made, locked, looked
 * through. Private to the ledger. */

#pragma once

#include "base/base.h"

enum { JOURNAL_PATH = 4096 };

/* Makes the folder (0700) and takes its lock, so that no other process uses the journals; *ret_lock
 * is the descriptor that holds it. -EBUSY: another process has it. */
int journal_folder_lock(const char *folder, int *ret_lock);
/* Writes the path of journal i. -ENAMETOOLONG. */
int journal_folder_path(const char *folder, unsigned i, char ret[JOURNAL_PATH]);
/* Calls found for each file PREFIXnumber there with a number >= from, in no order. Ends with the
 * first negative rc. */
int journal_folder_each(const char *folder, const char *prefix, uint64_t from,
                        int (*found)(void *arg, const char *path, uint64_t number), void *arg);
/* Renames what this courier cannot read to path.aside-MICROSECONDS; ret: the new path. */
int journal_folder_put_aside(const char *path, char ret[JOURNAL_PATH]);
