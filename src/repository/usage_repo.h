/* usage_repo.h: the table usage_logs. Blocking; errors as in repository.h. */

#pragma once

#include "model/record.h"

struct db;

/* Writes the records. A record whose id is there already replaces its row; of two with one id the
 * later counts. Within a transaction of the caller's, which is cheaper the more records it holds.
 */
int usage_repo_add(struct db *db, const struct record *records, size_t n);
/* The same in a transaction of its own: all or none. */
int usage_repo_put(struct db *db, const struct record *records, size_t n);
