/* provider_repo.h: the table providers. Blocking; errors as in repository.h. */

#pragma once

#include "base/arena.h"
#include "model/page_wish.h"
#include "model/rows.h"

struct db;

/* All, by name. api_key stays empty: the service opens sealed_key. */
int provider_repo_list(struct db *db, struct arena *a, struct provider_row **ret, size_t *ret_len);
/* A page, by name. */
enum { PROVIDER_FILTER_TYPE };
int provider_repo_page(struct db *db, const struct page_wish *page, struct arena *a,
                       struct provider_row **ret, size_t *ret_len);
/* -ENOENT. */
int provider_repo_find(struct db *db, struct slice name, struct arena *a, struct provider_row *ret);
/* -ENOENT. */
int provider_repo_delete(struct db *db, struct slice name);
/* Adds, or replaces all but the time of creation of the row of that name, whose version moves. */
int provider_repo_put(struct db *db, const struct provider_row *row, uint64_t now_wall_us);
