/* calls.h: the paths under which models are called. */

#pragma once

#include "web/chain.h"

/* POST /v1/chat/completions, /v1/messages, /v1/completions, /v1/responses: buffered and streamed */
extern const struct route route_chat_completions, route_messages, route_completions,
    route_responses;
/* POST /v1/embeddings */
extern const struct route route_embeddings;
/* POST /v1/messages/count_tokens: the provider's own figure, else an estimate that says so */
extern const struct route route_count_tokens;
