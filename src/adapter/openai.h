/* openai.h: OpenAI's dialect as an adapter; the vendors that speak it are rows in openai_like.c. */

#pragma once

#include "adapter/adapter.h"

/* What is different at a vendor: the `row` of its adapter. */
struct openai_rules {
    bool refuses_stream_options; /* tells usage at the end of a stream unasked */
};

/* POST {base_path}/chat/completions. The target's adapter must have its row. */
extern const struct adapter_op openai_chat_op;

void openai_classify(int status, const struct headers *h, struct slice body, struct fault *ret);
/* Error codes of a vendor's own that mean more than its status says; lists ended by NULL. */
struct openai_codes {
    const char *const *account; /* our key or our account, whatever the status */
    const char *const *context; /* a refusal because the prompt is too long */
};
/* The same with them. */
void openai_classify_by(int status, const struct headers *h, struct slice body,
                        const struct openai_codes *codes, struct fault *ret);
