/* anthropic.h: Anthropic's dialect as an adapter. */

#pragma once

#include "adapter/adapter.h"

extern const struct adapter anthropic_adapter;

/* POST {base_path}/v1/messages, for both dialects of clients. */
extern const struct adapter_op anthropic_messages_op;
extern const struct adapter_op anthropic_chat_op;
