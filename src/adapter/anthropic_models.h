/* anthropic_models.h: what Anthropic's models insist on, understand and can write. */

#pragma once

#include "wire/chat_wire.h"

/* For a model as its provider calls it; one that is not known is taken for a new one, and one that
 * is no Claude for one of another vendor that speaks the dialect. */
struct wire_options anthropic_options(struct slice model);
