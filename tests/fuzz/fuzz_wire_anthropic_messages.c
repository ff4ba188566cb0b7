/* fuzz_wire_anthropic_messages.c: any bytes as a request of Anthropic's dialect, read and made one
 * of OpenAI's.
 *
 * What must hold: spans lie in the body; a refusal says why; what is written is JSON that OpenAI's
 * reader takes. */

#include "support/translate.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static const struct wire_options options[] = {
    {.model = SLICE_INIT("m")},
    { .model = SLICE_INIT("m"),
     .reasoning = WIRE_REASONING_EFFORT,
     .strict_tools = true,
     .cache_control = true,
     .temperature_xor_top_p = true,
     .max_completion_tokens = true,
     .reasoning_content = true,
     .thinking_blocks = true},
};

static void fuzz_read(struct slice body)
{
    struct arena arena;
    struct call call;
    struct fault fault;

    arena_init(&arena, 0);
    if (anthropic_messages_read(body, &arena, &call, &fault)) {
        check(fault.kind == FAULT_NONE && call.model.len > 0);
        check(call.model_span.from < call.model_span.to && call.model_span.to <= body.len);
    } else {
        check(fault.kind != FAULT_NONE && fault.message.len > 0);
    }
    arena_clear(&arena);
}

static void fuzz_translate(struct slice body, const struct wire_options *o)
{
    struct arena arena;
    struct call call;
    struct fault fault;
    struct slice to;

    arena_init(&arena, 0);
    if (translate(&to_openai, body, o, &arena, &to, &fault))
        check(openai_chat_read(to, &arena, &call, &fault));
    else
        check(fault.kind != FAULT_NONE && fault.message.len > 0);
    arena_clear(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct slice body = slice_of((const char *)bytes, n);

    fuzz_read(body);
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        fuzz_translate(body, &options[i]);
    return 0;
}
