/* model_repo.h: the tables models and model_targets. Blocking; errors as in repository.h. */

#pragma once

#include "base/arena.h"
#include "model/rows.h"

struct db;

/* All, by name, each with its targets in order. api_key stays empty: the service opens sealed_key.
 * Within a transaction. */
int model_repo_list(struct db *db, struct arena *a, struct model_row **ret, size_t *ret_len);
/* Adds, or replaces all but the time of creation (row->created_wall_us) of the row of that name,
 * and all of its targets. Within a transaction. */
int model_repo_put(struct db *db, const struct model_row *row);
/* To renew the file's entries within one transaction: mark, put each anew, then drop those still
 * marked. */
int model_repo_mark_from_file(struct db *db);
int model_repo_drop_marked(struct db *db);
