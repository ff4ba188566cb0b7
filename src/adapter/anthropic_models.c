/* anthropic_models.c: a row for each family of models; the first that fits is taken.
 *
 * What is older is listed; everything else is taken to be as the newest models are, so that one
 * that comes tomorrow works. Source: platform.claude.com/docs, "Models overview" and the pages of
 * the models, "Migration guide", "Adaptive thinking", "Structured outputs". */

#include "adapter/anthropic_models.h"

/* For a client that gives no limit of tokens: what a model can write, but no more than this. */
enum { MAX_TOKENS_DEFAULT = 32000, MAX_TOKENS_OF_OTHERS = 8192 };

/* temperature and top_p together are refused; any sampling is; strict tools and schemas are known;
 * what is thought is left out of answers unless it is asked for ("Controlling thinking display").
 */
enum { ONE_OF_BOTH = 1, NO_SAMPLING = 2, STRICT = 4, OMITTED = 8 };

struct family {
    struct slice prefix;
    uint64_t max_tokens; /* that it can write; 0: not known */
    enum wire_reasoning reasoning;
    unsigned traits;
};

/* Of Claude 4 itself the name goes on with a date, behind '-' or '@'. */
/* clang-format off */
static const struct family families[] = {
    {SLICE_INIT("claude-3-5"),           8192,   WIRE_REASONING_UNKNOWN,  0},
    {SLICE_INIT("claude-3-7"),           64000,  WIRE_REASONING_BUDGET,   0},
    {SLICE_INIT("claude-3"),             4096,   WIRE_REASONING_UNKNOWN,  0},
    {SLICE_INIT("claude-opus-4-0"),      32000,  WIRE_REASONING_BUDGET,   0},
    {SLICE_INIT("claude-opus-4-2"),      32000,  WIRE_REASONING_BUDGET,   0},
    {SLICE_INIT("claude-opus-4@"),       32000,  WIRE_REASONING_BUDGET,   0},
    {SLICE_INIT("claude-opus-4-1"),      32000,  WIRE_REASONING_BUDGET,   ONE_OF_BOTH},
    {SLICE_INIT("claude-opus-4-5"),      64000,  WIRE_REASONING_BUDGET,   ONE_OF_BOTH | STRICT},
    {SLICE_INIT("claude-opus-4-6"),      128000, WIRE_REASONING_ADAPTIVE, ONE_OF_BOTH | STRICT},
    {SLICE_INIT("claude-sonnet-4-0"),    64000,  WIRE_REASONING_BUDGET,   0},
    {SLICE_INIT("claude-sonnet-4-2"),    64000,  WIRE_REASONING_BUDGET,   0},
    {SLICE_INIT("claude-sonnet-4@"),     64000,  WIRE_REASONING_BUDGET,   0},
    {SLICE_INIT("claude-sonnet-4-5"),    64000,  WIRE_REASONING_BUDGET,   ONE_OF_BOTH | STRICT},
    {SLICE_INIT("claude-sonnet-4-6"),    128000, WIRE_REASONING_ADAPTIVE, ONE_OF_BOTH | STRICT},
    {SLICE_INIT("claude-haiku-4-5"),     64000,  WIRE_REASONING_BUDGET,   ONE_OF_BOTH | STRICT},
    {SLICE_INIT("claude-"),              0,      WIRE_REASONING_ADAPTIVE, NO_SAMPLING | STRICT | OMITTED},
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

static uint64_t default_of(const struct family *f)
{
    uint64_t most = f == &other ? MAX_TOKENS_OF_OTHERS : MAX_TOKENS_DEFAULT;

    return f->max_tokens ? MIN(f->max_tokens, most) : most;
}

struct wire_options anthropic_options(const struct target *t)
{
    const struct family *f = family_of(t->upstream_model);

    return (struct wire_options){
        .model = t->upstream_model,
        .reasoning = f->reasoning,
        .strict_tools = f->traits & STRICT,
        .no_sampling = f->traits & NO_SAMPLING,
        .thinking_omitted = f->traits & OMITTED,
        .temperature_xor_top_p = f->traits & ONE_OF_BOTH,
        .max_tokens_default = t->max_tokens ? t->max_tokens : default_of(f),
        .max_tokens_limit = f->max_tokens ? MAX(f->max_tokens, t->max_tokens) : 0,
    };
}
