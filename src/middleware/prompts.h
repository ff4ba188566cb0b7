/* prompts.h: hands what was written down of a model call to the prompt keeper. Behind the gate of
 * records. */

#pragma once

#include "web/chain.h"

extern const struct middleware middleware_prompts;
