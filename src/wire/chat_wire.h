/* chat_wire.h: conversations from one dialect's request into another's.
 *
 * parse: a body that its reader (openai_chat_read, anthropic_messages_read) has accepted becomes a
 * chat. write: a chat becomes a body. All are pure and take memory from the arena only.
 *
 * What becomes of a member, in both directions: one that has another spelling is translated; one
 * that nobody here knows is passed on as it is; a hint that the other side has no place for (seed,
 * store, service_tier …) is dropped; what would change the answer and cannot be said is refused
 * with FAULT_UNSUPPORTED, its path in fault.param ("messages[2].content[0].image_url.url").
 *
 * False: *ret_fault is set; FAULT_INTERNAL when out of memory.
 *
 * Sources: platform.openai.com, API reference "Chat"; docs.anthropic.com, "Messages", "OpenAI SDK
 * compatibility", "Extended thinking", "Structured outputs". */

#pragma once

#include "base/arena.h"
#include "model/chat.h"
#include "model/fault.h"

bool openai_chat_parse(struct slice body, struct arena *a, struct chat *ret,
                       struct fault *ret_fault);
bool anthropic_messages_parse(struct slice body, struct arena *a, struct chat *ret,
                              struct fault *ret_fault);

/* How a model is told to think. */
enum wire_reasoning {
    WIRE_REASONING_UNKNOWN,  /* it cannot be: effort and budget are dropped */
    WIRE_REASONING_EFFORT,   /* OpenAI's reasoning_effort; Anthropic's output_config.effort alone */
    WIRE_REASONING_BUDGET,   /* Anthropic's thinking, enabled with budget_tokens */
    WIRE_REASONING_ADAPTIVE, /* Anthropic's thinking, adaptive, with output_config.effort */
};

/* What the target's model insists on or understands. Zero is the plainest of each. */
struct wire_options {
    struct slice model; /* what the provider calls it; plain text, not JSON */
    enum wire_reasoning reasoning;
    bool strict_tools;  /* knows `strict` on tools */
    bool cache_control; /* knows cache_control where it is not the dialect's own (OpenRouter) */
    bool no_sampling;   /* takes neither temperature nor top_p nor top_k: they are dropped */
    bool temperature_xor_top_p; /* refuses both together: top_p is dropped */

    /* for anthropic_messages_write */
    bool thinking_omitted;       /* shows what it thinks only when it is asked to */
    uint64_t max_tokens_default; /* the member is required: for a client that gave none. > 0 */
    uint64_t max_tokens_limit;   /* the most that the model can write, 0: not known */

    /* for openai_chat_write */
    bool max_completion_tokens; /* insists on that name for max_tokens */
    bool no_stream_options;     /* refuses the member; else a stream is asked for its usage */
    bool reasoning_content;     /* takes the assistant's reasoning back (DeepSeek, Moonshot) */
    bool thinking_blocks;       /* and its signed form, as courier itself does */
    bool thought_signatures;    /* takes the signatures of calls back (Gemini) */
    bool unsigned_is_refused;   /* and refuses a turn of calls without one */
};

/* *ret_body is one run of bytes. */
bool anthropic_messages_write(const struct chat *c, const struct wire_options *o, struct arena *a,
                              struct slice *ret_body, struct fault *ret_fault);
bool openai_chat_write(const struct chat *c, const struct wire_options *o, struct arena *a,
                       struct slice *ret_body, struct fault *ret_fault);
