/* chat.h: a conversation goes to a model. */

#pragma once

#include "web/chain.h"

/* POST /v1/chat/completions, buffered and streamed */
extern const struct route route_chat_completions;
