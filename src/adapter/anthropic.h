/* anthropic.h: Anthropic's dialect as an adapter. */

#pragma once

#include "adapter/adapter.h"

extern const struct adapter anthropic_adapter;

/* POST {base_path}/v1/messages, for both dialects of clients. */
extern const struct adapter_op anthropic_messages_op;
extern const struct adapter_op anthropic_chat_op;
/* POST {base_path}/v1/messages/count_tokens, for clients of the dialect. Never streamed. */
extern const struct adapter_op anthropic_count_tokens_op;
