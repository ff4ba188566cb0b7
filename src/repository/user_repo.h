/* user_repo.h: the table users. Blocking; errors as in repository.h. */

#pragma once

#include "base/arena.h"
#include "model/rows.h"

struct db;

/* The user of that name. -ENOENT. */
int user_repo_find(struct db *db, struct slice name, struct arena *a, struct user_row *ret);
/* Adds row->name and row->created_wall_us; sets row->id. -EEXIST: the name is taken. */
int user_repo_add(struct db *db, struct user_row *row);
