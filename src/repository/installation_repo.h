/* installation_repo.h: the table installation: what all who use a store must have in common.
 * Blocking; errors as in repository.h. */

#pragma once

#include "base/arena.h"

struct db;

/* Whether the value of that name is this one; the first who asks sets it. -EKEYREJECTED: it is
 * another. A transaction of its own, unless the value is there already. */
int installation_repo_agree(struct db *db, struct slice name, struct slice value);
/* -ENOENT. In the arena. */
int installation_repo_find(struct db *db, struct slice name, struct arena *a, struct slice *ret);
/* Adds or replaces. */
int installation_repo_set(struct db *db, struct slice name, struct slice value);
