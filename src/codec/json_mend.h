/* json_mend.h: makes JSON of the beginning of a JSON text. */

#pragma once

#include "base/arena.h"

/* text: a JSON text of which only a beginning is there. *ret: the same with its last string ended,
 * a member or number that had only begun left out or made null, and its brackets closed; text
 * itself when nothing was missing. What is no JSON to begin with comes out as something that is
 * none either, or is nested deeper than JSON_DEPTH_MAX: -EINVAL. -ENOMEM. */
int json_mend(struct slice text, struct arena *a, struct slice *ret);
