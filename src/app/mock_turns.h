/* mock_turns.h: providers that fail for a while, or now and then: fail_first, flap and odds,
 * counted for each model name. */

#pragma once

#include "app/mock_plan.h"
#include "base/arena.h"
#include "base/map.h"

struct mock_turns {
    struct arena arena;
    struct map names; /* → what is known of it */
};

void mock_turns_init(struct mock_turns *t);
/* Counts one request of that name: is it one that fails? Without memory, or with too many names, it
 * is. */
bool mock_turns_fails(struct mock_turns *t, const struct mock_plan *plan, struct slice name,
                      uint64_t now_ms);
/* Forgets every name. */
void mock_turns_clear(struct mock_turns *t);
