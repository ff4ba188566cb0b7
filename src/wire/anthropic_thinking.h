/* anthropic_thinking.h: how a model of Anthropic's is told to think, and how much it may write.
 * Private to wire.
 *
 * Source: docs.anthropic.com, "Extended thinking", "Adaptive thinking", "Effort". */

#pragma once

#include "wire/chat_wire.h"

struct thinking_plan {
    uint64_t max_tokens;
    bool on; /* the model thinks: it takes neither temperature nor a demanded tool */
    struct slice
        member; /* raw: the client's own `thinking`; else it is written from what follows */
    bool adaptive;
    uint64_t budget;     /* 0: none */
    struct slice effort; /* output_config.effort; empty: none */
};

struct thinking_plan thinking_plan_of(const struct chat *c, const struct wire_options *o);
/* What a budget means where only efforts are known. */
enum chat_effort thinking_effort_of(uint64_t budget);
