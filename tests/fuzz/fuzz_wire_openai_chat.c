/* fuzz_wire_openai_chat.c: any bytes as a request, an answer, an error and a chunk.
 *
 * What must hold: spans lie in the body; a chunk that tells usage or a finish reason tells them
 * also to the glance that reads chunks once content has been seen. */

#include "wire/openai_chat.h"
#include "wire/openai_error.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_span(struct slice body, struct span span)
{
    check(span.from <= span.to && span.to <= body.len);
}

static void fuzz_request(struct slice body)
{
    struct arena arena;
    struct call call;
    struct fault fault;

    arena_init(&arena, 0);
    if (openai_chat_read(body, &arena, &call, &fault)) {
        check(fault.kind == FAULT_NONE && call.model.len > 0);
        check(call.model_span.to > call.model_span.from);
        check_span(body, call.model_span);
        check_span(body, call.stream_options);
        check_span(body, call.include_usage_span);
    } else {
        check(fault.kind != FAULT_NONE && fault.message.len > 0);
    }
    arena_clear(&arena);
}

static void fuzz_answer(struct slice body)
{
    struct openai_error error;
    struct reply reply;
    int rc = openai_chat_read_reply(body, &reply);

    if (rc == 0 && reply.usage.source == USAGE_PROVIDER)
        check(usage_prompt(&reply.usage) <= UINT64_C(1) << 53);
    if (openai_error_read(body, &error)) {
        check(error.object.len > 0 && error.object.at[0] == '{');
        check(openai_error_kind(0, &error) != FAULT_NONE);
    }
}

static void fuzz_chunk(struct slice chunk)
{
    struct openai_chat_stream fresh = {0}, running = {.content_seen = true};
    struct openai_chat_stream wanting = {.wants_text = true, .content_seen = true};
    struct event parsed, glanced, told_text;
    unsigned told = EVENT_USAGE | EVENT_FINISH;
    bool escaped_names = slice_find(chunk, SLICE("\\")) < chunk.len;

    int rc = openai_chat_read_event(&fresh, chunk, &parsed);
    int again = openai_chat_read_event(&running, chunk, &glanced);
    check(!(parsed.marks & EVENT_CONTENT) == (parsed.output_deltas == 0));
    if (rc == 0 && !escaped_names && !(parsed.marks & EVENT_ERROR) && (parsed.marks & told))
        check(again == 0 && glanced.marks == parsed.marks);

    check(openai_chat_read_event(&wanting, chunk, &told_text) == rc);
    check(rc != 0 || told_text.marks == parsed.marks);
    check(rc != 0 || told_text.text.len == 0 || (told_text.marks & EVENT_CONTENT));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct slice text = slice_of((const char *)bytes, n);

    fuzz_request(text);
    fuzz_answer(text);
    fuzz_chunk(text);
    return 0;
}
