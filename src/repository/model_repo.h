/* model_repo.h: the tables models and model_targets. Blocking; errors as in repository.h. */

#pragma once

#include "base/arena.h"
#include "model/page_wish.h"
#include "model/rows.h"

struct db;

/* All, by name, each with its targets in order. api_key stays empty: the service opens sealed_key.
 * Within a transaction. */
int model_repo_list(struct db *db, struct arena *a, struct model_row **ret, size_t *ret_len);
/* A page, by name, with their targets. Within a transaction. */
enum { MODEL_FILTER_PROVIDER };
int model_repo_page(struct db *db, const struct page_wish *page, struct arena *a,
                    struct model_row **ret, size_t *ret_len);
/* With its targets. Within a transaction. -ENOENT. */
int model_repo_find(struct db *db, struct slice name, struct arena *a, struct model_row *ret);
/* With its targets. -ENOENT. */
int model_repo_delete(struct db *db, struct slice name);
/* Names of models that need that provider; of those that fall back on that model. At most
 * MODEL_REPO_NAMES of them, comma-separated; empty: none. */
enum { MODEL_REPO_NAMES = 10 };
int model_repo_of_provider(struct db *db, struct slice provider, struct arena *a,
                           struct slice *ret);
int model_repo_falling_back_on(struct db *db, struct slice model, struct arena *a,
                               struct slice *ret);
/* Adds, or replaces all but the time of creation (row->created_wall_us) of the row of that name,
 * whose version moves, and all of its targets. Within a transaction. */
int model_repo_put(struct db *db, const struct model_row *row);
