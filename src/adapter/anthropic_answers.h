/* anthropic_answers.h: what both ops of Anthropic's dialect share. Private to adapter. */

#pragma once

#include "adapter/adapter.h"

/* Sets *ret: path and head. -ENOMEM. */
int anthropic_head(const struct target *t, const struct call *c, struct arena *a,
                   struct http_message *ret);
/* A body that is an error object: its fault, and for a refusal the body. */
void anthropic_read_refusal(struct slice body, struct fault *ret);
