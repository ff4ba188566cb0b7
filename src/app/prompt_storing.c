/* prompt_storing.c: see prompt_storing.h. */

#include "app/prompt_storing.h"

#include "service/prompt_keeper.h"
#include "wire/prompt_text.h"

static int prepare(const void *owner, struct prompt *p, struct arena *a)
{
    return prompt_text_make(owner, p, a);
}

int prompt_storing_start(const struct settings *s, const struct redactor *r,
                         const atomic_bool *admitted, struct prompt_keeper **ret)
{
    const struct prompt_keeper_options options = {
        .store = s->store,
        .admitted = admitted,
        .mode = (enum prompt_mode)s->store_prompts,
        .queue_bytes = s->prompts.queue,
        .text_bytes = s->prompts.size,
        .prepare = prepare,
        .owner = r,
    };

    return prompt_keeper_start(&options, ret);
}
