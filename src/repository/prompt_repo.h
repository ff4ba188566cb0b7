/* prompt_repo.h: the table prompt_logs. Blocking; errors as in repository.h. */

#pragma once

#include "base/arena.h"
#include "model/log_wish.h"
#include "model/prompt.h"

struct db;

/* Adds rows, in a transaction of its own; one that is there already stays as it is. */
int prompt_repo_put(struct db *db, const struct prompt *rows, size_t n);
/* Rows: struct prompt_log, in the arena, of some megabytes in all and at least one; else as
 * usage_log_repo_page. */
int prompt_repo_page(struct db *db, const struct log_wish *wish, struct arena *a,
                     struct log_page *ret);
/* Ends a piece of what is older than that day (UTC): a day's partition, or some rows, of which
 * nothing stays in the file. 1: there may be more; OK: there was none. */
int prompt_repo_end_rows(struct db *db, uint64_t wall_us);
