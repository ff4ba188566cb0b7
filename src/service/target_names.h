/* target_names.h: names for what a census tells by numbers. */

#pragma once

#include "base/arena.h"
#include "model/target.h"

struct snapshot;

struct target_names {
    const struct target **targets; /* by identity */
    size_t len;
};

/* Of what is served; in the arena, as long as the snapshot is held. snapshot NULL: there are none.
 * -ENOMEM. */
int target_names_make(const struct snapshot *snapshot, struct arena *a, struct target_names *ret);
/* Where it stands among them. NULL: it is of a configuration that is gone. */
const struct target **target_names_place(const struct target_names *n, uint64_t identity);
/* The provider whose connections census_origin tells of; several at one place share them, the one
 * with the first name is told. Empty: it is gone. */
struct slice target_names_origin(const struct target_names *n, uint64_t hash);
