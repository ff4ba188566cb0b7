/* audit_repo.h: the table audit_log. Blocking; errors as in repository.h. */

#pragma once

#include "base/arena.h"
#include "model/page_wish.h"
#include "model/rows.h"

struct db;

/* Adds all but row->id. */
int audit_repo_add(struct db *db, const struct audit_row *row);
/* A page, newest first. */
enum { AUDIT_FILTER_KIND, AUDIT_FILTER_OBJECT, AUDIT_FILTER_ACTION, AUDIT_FILTER_KEY };
int audit_repo_page(struct db *db, const struct page_wish *page, struct arena *a,
                    struct audit_row **ret, size_t *ret_len);
/* Whether such an object was there once, and was deleted. */
int audit_repo_was_deleted(struct db *db, struct slice kind, struct slice object, bool *ret);
/* Ends some hundred rows that were written before then. 1: there may be more; OK: there was none.
 */
int audit_repo_end_rows(struct db *db, uint64_t wall_us);
