/* fuzz_wire_openai_chat_alike.c: what is taken for frames alike to the first reads as they do:
 * every frame content and nothing else, as many as were counted. */

#include "wire/openai_chat.h"

#include "codec/sse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct openai_chat_stream stream = {.content_seen = true};
    struct slice input = slice_of((const char *)bytes, n);
    struct sse_frame first, frame;
    struct event event;
    struct sse sse;
    uint64_t frames, read = 0;

    sse_init(&sse, 1 << 20);
    if (sse_next(&sse, &input, &first) == 1 && first.has_data &&
        openai_chat_read_event(&stream, first.data, &event) == OK && event.marks == EVENT_CONTENT) {
        struct slice taken = slice_sub(input, 0, openai_chat_alike(first.raw, input, &frames));
        while (sse_next(&sse, &taken, &frame) == 1) {
            check(openai_chat_read_event(&stream, frame.data, &event) == OK);
            check(event.marks == EVENT_CONTENT);
            read += event.output_deltas;
        }
        check(taken.len == 0 && sse.held.len == 0 && read == frames);
    }
    sse_free(&sse);
    return 0;
}
