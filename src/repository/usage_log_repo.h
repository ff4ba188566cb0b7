/* usage_log_repo.h: the table usage_logs, read newest first. Blocking; errors as in repository.h.
 */

#pragma once

#include "base/arena.h"
#include "model/usage_log.h"

struct db;

/* Up to limit rows behind the row `after` (its id and created_at as they were read; both empty:
 * from the newest on). Rows that are added meanwhile move nothing. -EINVAL: after is no row's. */
int usage_log_repo_page(struct db *db, const struct usage_log_wish *wish,
                        const struct usage_log *after, size_t limit, struct arena *a,
                        struct usage_log **ret, size_t *ret_len);
