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
/* A page of that list: the first models behind one, or the last before one. */
struct catalog_page {
    struct slice after, before; /* names, which need not be there (any more); empty: not given */
    size_t limit;               /* models, from 1 */
};
/* Narrows *models down to the page. True: there are more where it was cut. */
bool catalog_cut(const struct catalog_page *page, const struct catalog_entry **models, size_t *len);
/* Whether there is such a model, for anybody. */
bool catalog_has(const struct snapshot *snapshot, struct slice name);
/* False: there is no such model, or not for this principal. */
bool catalog_find(const struct snapshot *snapshot, const struct principal *p, struct slice name,
                  struct catalog_entry *ret);
