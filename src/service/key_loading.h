/* key_loading.h: keys from the store into a table. Blocking; private to the services. */

#pragma once

#include "service/key_table.h"

struct db;

/* old (NULL: none) with the keys that changed behind that version of the catalog (see
 * key_repo_read). Takes little more memory than the table itself. *ret: NULL when none changed and
 * there is an old table. Within a transaction that reads. */
int key_loading_run(struct db *db, const struct key_table *old, int64_t behind,
                    struct key_table **ret);
