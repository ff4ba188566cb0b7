/* prompts.c: see prompts.h. At the very end: how it ended is known only then. */

#include "middleware/prompts.h"

#include "service/prompt_note.h"
#include "web/exchange.h"

static void prompts_on_end(struct exchange *x)
{
    const struct outcome *o = &x->outcome;

    if (LIKELY(!x->note) || (o->attempts == 0 && o->cache != OUTCOME_CACHE_HIT))
        return; /* no model was asked */
    const struct prompt prompt = {
        .id = x->record_id,
        .created_wall_us = x->wall_us,
        .user_id = x->principal->user_id,
        .key_id = x->principal->key_id,
        .request_id = x->request_id,
        .endpoint = x->route->path,
        .model = o->requested_model,
        .status = o->status,
    };
    prompt_note_end(x->note, &prompt);
}

const struct middleware middleware_prompts = {
    .name = "prompts",
    .on_end = prompts_on_end,
};
