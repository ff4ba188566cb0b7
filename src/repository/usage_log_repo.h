/* usage_log_repo.h: the table usage_logs, read newest first. Blocking; errors as in repository.h.
 */

#pragma once

#include "base/arena.h"
#include "model/log_wish.h"
#include "model/usage_log.h"

struct db;

/* Rows: struct usage_log, in the arena. A page may have fewer rows than wanted, and none, and a
 * next one all the same. Rows that are added meanwhile move nothing. -EINVAL: wish->after is no
 * row's. */
int usage_log_repo_page(struct db *db, const struct log_wish *wish, struct arena *a,
                        struct log_page *ret);
