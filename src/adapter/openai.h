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
/* The same; a refusal with one of these error codes (ended by NULL) speaks of our account. */
void openai_classify_account(int status, const struct headers *h, struct slice body,
                             const char *const *account_codes, struct fault *ret);
