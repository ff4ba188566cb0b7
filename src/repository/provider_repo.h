/* provider_repo.h: the table providers. Blocking; errors as in repository.h. */

#pragma once

#include "base/arena.h"
#include "model/rows.h"

struct db;

/* All, by name. api_key stays empty: the service opens sealed_key. */
int provider_repo_list(struct db *db, struct arena *a, struct provider_row **ret, size_t *ret_len);
/* Adds, or replaces all but the time of creation of the row of that name. */
int provider_repo_put(struct db *db, const struct provider_row *row, uint64_t now_wall_us);
/* To renew the file's entries within one transaction: mark, put each anew, then drop those still
 * marked. */
int provider_repo_mark_from_file(struct db *db);
int provider_repo_drop_marked(struct db *db);
