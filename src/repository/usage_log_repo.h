/* usage_log_repo.h: the table usage_logs, read newest first. Blocking; errors as in repository.h.
 */

#pragma once

#include "base/arena.h"
#include "model/usage_log.h"

struct db;

/* Rows that are added meanwhile move nothing. -EINVAL: what it is to begin behind is no row's. */
int usage_log_repo_page(struct db *db, const struct usage_log_wish *wish, struct arena *a,
                        struct usage_log **ret, size_t *ret_len);
