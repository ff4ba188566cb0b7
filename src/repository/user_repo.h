/* user_repo.h: the table users. Blocking; errors as in repository.h. */

#pragma once

#include "base/arena.h"
#include "model/page_wish.h"
#include "model/rows.h"

struct db;

/* The user of that name. -ENOENT. */
int user_repo_find(struct db *db, struct slice name, struct arena *a, struct user_row *ret);
/* The user of that id, also a deleted one. -ENOENT. */
int user_repo_find_by_id(struct db *db, int64_t id, struct arena *a, struct user_row *ret);
/* A page, by id. Filters: USER_FILTER_…; without a status, deleted ones are left out. */
enum { USER_FILTER_NAME, USER_FILTER_STATUS };
int user_repo_page(struct db *db, const struct page_wish *page, struct arena *a,
                   struct user_row **ret, size_t *ret_len);
/* Adds row->name, row->disabled and row->created_wall_us; sets row->id. -EEXIST: the name is
 * taken. */
int user_repo_add(struct db *db, struct user_row *row);
/* Writes name, disabled, deleted_wall_us and updated_wall_us; the version moves. -EEXIST, -ENOENT.
 */
int user_repo_update(struct db *db, const struct user_row *row);
