/* completion_private.h: between the files of a completion. */

#pragma once

#include "router/dispatch.h"
#include "service/cached_completion.h"

struct completion {
    struct dispatch dispatch;
    struct router *router;
    struct cached_completion *cached; /* NULL: the model's answers are not kept */
};

/* Plans, and lets the router carry the call. As completion_start. */
int completion_ask_router(struct completion *c, const struct completion_ask *ask,
                          const struct registry_model *model, struct arena *a,
                          struct fault *ret_fault);
