/* catalog.h: which models there are for whoever asks. */

#pragma once

#include "base/arena.h"
#include "model/catalog_entry.h"
#include "model/principal.h"

struct snapshot;

/* Every model that the principal may use, by name, in the arena; text belongs to the snapshot.
 * -ENOMEM. */
int catalog_list(const struct snapshot *snapshot, const struct principal *p, struct arena *a,
                 struct catalog_entry **ret, size_t *ret_len);
/* Whether there is such a model, for anybody. */
bool catalog_has(const struct snapshot *snapshot, struct slice name);
/* False: there is no such model, or not for this principal. */
bool catalog_find(const struct snapshot *snapshot, const struct principal *p, struct slice name,
                  struct catalog_entry *ret);
