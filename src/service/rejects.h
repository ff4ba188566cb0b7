/* rejects.h: a file of records that the database refuses for good, for a person to look at: one
 * JSON object a line, with the database's words. Private to the ledger. */

#pragma once

#include "model/record.h"

enum { REJECTS_MOST = 64 * 1024 * 1024 }; /* bytes */

/* Appends to FOLDER/rejected.jsonl (0600); on disk when it returns. -EFBIG: it has REJECTS_MOST. */
int rejects_write(const char *folder, const struct record *r, const char *why);
