/* fuzz_wire_anthropic_messages_write.c: any bytes as a request of OpenAI's dialect, made one of
 * Anthropic's.
 *
 * What must hold: a refusal says why; what is written is JSON that Anthropic's reader takes. */

#include "support/translate.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static const struct wire_options options[] = {
    {.model = SLICE_INIT("m"),      .reasoning = WIRE_REASONING_BUDGET, .max_tokens_default = 4096},
    { .model = SLICE_INIT("m"),
     .reasoning = WIRE_REASONING_ADAPTIVE,
     .strict_tools = true,
     .temperature_xor_top_p = true,
     .max_tokens_default = 1,
     .max_tokens_limit = 8192},
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct slice body = slice_of((const char *)bytes, n);

    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        struct arena arena;
        struct call call;
        struct fault fault;
        struct slice to;

        arena_init(&arena, 0);
        if (translate(&to_anthropic, body, &options[i], &arena, &to, &fault))
            check(anthropic_messages_read(to, &arena, &call, &fault));
        else
            check(fault.kind != FAULT_NONE && fault.message.len > 0);
        arena_clear(&arena);
    }
    return 0;
}
