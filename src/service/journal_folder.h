/* journal_folder.h: the folder that holds one process' journals: made, locked, looked through.
 * Private to the ledger. */

#pragma once

#include "base/base.h"

enum { JOURNAL_PATH = 4096 };

/* Makes the folder (0700) and takes its lock, so that no other process uses the journals; *ret_lock
 * is the descriptor that holds it. -EBUSY: another process has it. */
int journal_folder_lock(const char *folder, int *ret_lock);
/* Writes the path of journal i. -ENAMETOOLONG. */
int journal_folder_path(const char *folder, unsigned i, char ret[JOURNAL_PATH]);
/* Calls found for each journal there with a number >= from: left by a process with more workers.
 * Ends with the first negative rc. */
int journal_folder_each_from(const char *folder, unsigned from,
                             int (*found)(void *arg, const char *path), void *arg);
