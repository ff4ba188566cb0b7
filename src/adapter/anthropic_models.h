/* anthropic_models.h: what Anthropic's models insist on, understand and can write. */

#pragma once

#include "model/target.h"
#include "wire/chat_wire.h"

/* For the target's model, as its provider calls it; one that is not known is taken for a new one,
 * and one that is no Claude for one of another vendor that speaks the dialect. The target's own
 * max_tokens wins over what is known here. */
struct wire_options anthropic_options(const struct target *t);
