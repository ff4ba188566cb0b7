/* anthropic_models.c: a row for each family of models; the first that fits is taken.
 *
 * Source: docs.anthropic.com, "Models overview", "Extended thinking", "Effort", "Structured
 * outputs", "Migration guide". */

#include "adapter/anthropic_models.h"

/* For a client that gives no limit of tokens: what a model can write, but no more than this. */
enum { MAX_TOKENS_DEFAULT = 32000, MAX_TOKENS_OF_OTHERS = 8192 };

/* temperature and top_p together are refused; strict tools and schemas are known. */
enum { ONE_OF_BOTH = 1, STRICT = 2 };

struct family {
    struct slice prefix;
    uint64_t max_tokens; /* that it can write; 0: not known */
    enum wire_reasoning reasoning;
    unsigned traits;
};

/* clang-format off */
static const struct family families[] = {
    {SLICE_INIT("claude-3-5"),        8192,   WIRE_REASONING_UNKNOWN,  0},
    {SLICE_INIT("claude-3-7"),        64000,  WIRE_REASONING_BUDGET,   0},
    {SLICE_INIT("claude-3"),          4096,   WIRE_REASONING_UNKNOWN,  0},
    {SLICE_INIT("claude-opus-4-1"),   32000,  WIRE_REASONING_BUDGET,   ONE_OF_BOTH | STRICT},
    {SLICE_INIT("claude-opus-4-5"),   64000,  WIRE_REASONING_BUDGET,   ONE_OF_BOTH | STRICT},
    {SLICE_INIT("claude-opus-4-0"),   32000,  WIRE_REASONING_BUDGET,   0},
    {SLICE_INIT("claude-opus-4-2025"), 32000, WIRE_REASONING_BUDGET,   0},
    {SLICE_INIT("claude-sonnet-4-5"), 64000,  WIRE_REASONING_BUDGET,   ONE_OF_BOTH | STRICT},
    {SLICE_INIT("claude-sonnet-4-0"), 64000,  WIRE_REASONING_BUDGET,   0},
    {SLICE_INIT("claude-sonnet-4-2025"), 64000, WIRE_REASONING_BUDGET, 0},
    {SLICE_INIT("claude-haiku-4-5"),  64000,  WIRE_REASONING_BUDGET,   ONE_OF_BOTH | STRICT},
    {SLICE_INIT("claude-"),           0,      WIRE_REASONING_ADAPTIVE, ONE_OF_BOTH | STRICT},
};
/* clang-format on */

static const struct family other = {.reasoning = WIRE_REASONING_BUDGET};

static const struct family *family_of(struct slice model)
{
    for (size_t i = 0; i < ARRAY_LEN(families); i++)
        if (slice_starts(model, families[i].prefix))
            return &families[i];
    return &other;
}

struct wire_options anthropic_options(struct slice model)
{
    const struct family *f = family_of(model);
    uint64_t most = f == &other ? MAX_TOKENS_OF_OTHERS : MAX_TOKENS_DEFAULT;

    return (struct wire_options){
        .model = model,
        .reasoning = f->reasoning,
        .strict_tools = f->traits & STRICT,
        .temperature_xor_top_p = f->traits & ONE_OF_BOTH,
        .max_tokens_default = f->max_tokens ? MIN(f->max_tokens, most) : most,
        .max_tokens_limit = f->max_tokens,
    };
}
