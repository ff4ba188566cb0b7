/* trail.h: what was tried, as text: "fast:503,smart:200". */

#pragma once

#include "base/arena.h"
#include "model/fault.h"
#include "model/target.h"

/* Appends what an attempt at the target came to: the provider's status, or a word where it gave
 * none or its answer was not what it should be. fault NULL: it was good. A list that grows beyond
 * some hundreds of bytes, or for which there is no memory, stays as it is. */
void trail_add(struct slice *trail, struct arena *a, const struct target *target, int status,
               const struct fault *fault);
