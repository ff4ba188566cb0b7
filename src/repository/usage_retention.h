/* usage_retention.h: how usage ends: rows of usage_logs after a while, sums after a longer one.
 * Blocking; errors as in repository.h. */

#pragma once

#include "base/base.h"

struct db;

/* Makes room for the rows of `days` days, the one of that time first; where rows of a day need none
 * it does nothing. Several processes may do it. */
int usage_retention_make_days(struct db *db, uint64_t from_wall_us, unsigned days);
/* Whether the time that is taken for now can be: a clock that is an hour and more ahead of the
 * server's (-ERANGE) must end nothing. Without a server there is no other clock to ask. */
int usage_retention_check_clock(struct db *db, uint64_t now_wall_us);
/* Whether there is a server, whose clock can be asked. */
bool usage_retention_has_server(const struct db *db);
/* Of when the newest row is; 0: there is none. Without a server. */
int usage_retention_newest(struct db *db, uint64_t *ret_wall_us);
/* Nothing before that day (UTC) is needed any more: unless hours before it are still to be worked
 * out (rollup_repo_roll), the next time then. */
int usage_retention_advance(struct db *db, uint64_t wall_us);
/* Ends a piece of what is not needed: a day's partition, or some hundred rows. 1: there may be
 * more; OK: there was none. */
int usage_retention_end_rows(struct db *db);
/* Ends the sums of one span of time that lies before then. As above. */
int usage_retention_end_sums(struct db *db, uint64_t wall_us);
