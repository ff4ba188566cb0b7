/* usage_repo.h: the table usage_logs. Blocking; errors as in repository.h. */

#pragma once

#include "model/record.h"

struct db;

/* Writes the records in one transaction: all or none. A record whose id is there already replaces
 * its row; of two with one id the later counts. */
int usage_repo_put(struct db *db, const struct record *records, size_t n);
