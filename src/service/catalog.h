/* catalog.h: which models there are for whoever asks. */

#pragma once

#include "base/arena.h"
#include "model/principal.h"

struct snapshot;

/* Text belongs to the snapshot. */
struct catalog_entry {
    struct slice name;
    struct slice owned_by; /* the provider's name */
    uint64_t created_wall_us;
};

/* Every model that the principal may use, by name, in the arena. -ENOMEM. */
int catalog_list(const struct snapshot *snapshot, const struct principal *p, struct arena *a,
                 struct catalog_entry **ret, size_t *ret_len);
/* False: there is no such model, or not for this principal. */
bool catalog_find(const struct snapshot *snapshot, const struct principal *p, struct slice name,
                  struct catalog_entry *ret);
