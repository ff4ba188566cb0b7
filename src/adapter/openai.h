/* openai.h: OpenAI's dialect as an adapter; the vendors that speak it are rows in openai_like.c. */

#pragma once

#include "adapter/adapter.h"
#include "wire/chat_wire.h"

/* What becomes of a member of a chat request that a vendor, or one of its models, does not take as
 * it stands. */
enum openai_act {
    OPENAI_RENAME, /* it is called `text` there; where that is given too, that one counts */
    OPENAI_CLAMP,  /* a number above `text` becomes `text` */
    OPENAI_DROP,   /* a hint: without it the answer is as good */
    OPENAI_REFUSE, /* it would change the answer: the caller is told; null and false are dropped */
};

struct openai_member {
    const char *name;
    enum openai_act act;
    const char *text;
    const char *models; /* those whose names begin so; NULL: all */
};

/* How a vendor wants its key. */
enum openai_key { OPENAI_KEY_BEARER /* Authorization: Bearer */, OPENAI_KEY_HEADER /* api-key */ };

/* What is different at a vendor: the `row` of its adapter. */
struct openai_rules {
    const struct openai_member *members; /* ended by a NULL name; NULL: none. At most
                                            OPENAI_MEMBERS_MAX of them may meet in one model */
    enum openai_key key;
    const char *deployments;     /* the model is a part of the path, behind this; NULL: it is not */
    const char *query;           /* when the base URL has none */
    bool refuses_stream_options; /* tells usage at the end of a stream unasked */
    bool takes_reasoning;        /* wants the assistant's reasoning_content back */
    bool takes_signatures;       /* wants the thought signatures of calls back */
    bool is_gemini;              /* Google itself: its newer models insist on them */
    bool knows_cache_control;    /* of Anthropic's dialect */
    bool has_effort;             /* takes reasoning_effort for any model */
    bool is_origin;              /* OpenAI itself: some of its models insist on new names */
};

/* How a call of another dialect is written for a model. */
struct wire_options openai_options(const struct openai_rules *rules, struct slice model);

enum { OPENAI_MEMBERS_MAX = 12 };

/* POST {base_path}/chat/completions, for both dialects of clients; openai_chat_op is that of
 * {base_path}/completions, too. The target's adapter must have its row. */
extern const struct adapter_op openai_chat_op;
extern const struct adapter_op openai_messages_op;
/* POST {base_path}/embeddings, /responses. */
extern const struct adapter_op openai_embeddings_op;
extern const struct adapter_op openai_responses_op;

void openai_classify(int status, const struct headers *h, struct slice body, struct fault *ret);
/* Error codes of a vendor's own that mean more than its status says; lists ended by NULL. */
struct openai_codes {
    const char *const *account; /* our key or our account, whatever the status */
    const char *const *context; /* a refusal because the prompt is too long */
};
/* The same with them. */
void openai_classify_by(int status, const struct headers *h, struct slice body,
                        const struct openai_codes *codes, struct fault *ret);
