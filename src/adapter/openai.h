/* openai.h: OpenAI's dialect as an adapter; the vendors that speak it are rows in openai_like.c. */

#pragma once

#include "adapter/adapter.h"
#include "wire/chat_wire.h"

/* What is different at a vendor: the `row` of its adapter. */
struct openai_rules {
    bool refuses_stream_options; /* tells usage at the end of a stream unasked */
    bool takes_reasoning;        /* wants the assistant's reasoning_content back */
    bool knows_cache_control;    /* of Anthropic's dialect */
    bool has_effort;             /* takes reasoning_effort for any model */
    bool is_origin;              /* OpenAI itself: some of its models insist on new names */
};

/* How a call of another dialect is written for a model. */
struct wire_options openai_options(const struct openai_rules *rules, struct slice model);

/* POST {base_path}/chat/completions, for both dialects of clients. The target's adapter must have
 * its row. */
extern const struct adapter_op openai_chat_op;
extern const struct adapter_op openai_messages_op;

void openai_classify(int status, const struct headers *h, struct slice body, struct fault *ret);
/* Error codes of a vendor's own that mean more than its status says; lists ended by NULL. */
struct openai_codes {
    const char *const *account; /* our key or our account, whatever the status */
    const char *const *context; /* a refusal because the prompt is too long */
};
/* The same with them. */
void openai_classify_by(int status, const struct headers *h, struct slice body,
                        const struct openai_codes *codes, struct fault *ret);
