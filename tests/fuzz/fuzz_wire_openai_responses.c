/* fuzz_wire_openai_responses.c: any bytes as a request, an answer and a frame of Responses, and as
 * requests of the smaller endpoints.
 *
 * What must hold: spans lie in the body; an end is a finish; an error is neither; text is content;
 * who wants text is told the same besides. */

#include "wire/call_reader.h"
#include "wire/openai_embeddings.h"
#include "wire/openai_responses.h"

#include <errno.h>
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

static void fuzz_request(enum call_kind kind, struct slice body)
{
    struct call call = {.kind = kind};
    struct arena arena;
    struct fault fault;

    arena_init(&arena, 0);
    if (call_read(&call, body, &arena, &fault)) {
        check(call.kind == kind && fault.kind == FAULT_NONE && call.model.len > 0);
        check(call.model_span.to > call.model_span.from);
        check_span(body, call.model_span);
        check_span(body, call.stream_options);
        check_span(body, call.include_usage_span);
        check(kind != CALL_EMBEDDINGS || !call.stream);
    } else {
        check(fault.kind != FAULT_NONE && fault.message.len > 0);
    }
    arena_clear(&arena);
}

static void fuzz_answer(struct slice body)
{
    struct reply reply;
    int rc = openai_responses_read_reply(body, &reply);

    check(rc == OK || rc == -EBADMSG || rc == -EPROTO);
    if (rc == OK && reply.usage.source == USAGE_PROVIDER)
        check(usage_prompt(&reply.usage) <= UINT64_C(1) << 53);
    rc = openai_embeddings_read_reply(body, &reply);
    check(rc == OK || rc == -EBADMSG || rc == -EPROTO);
}

static void fuzz_frame(struct slice name, struct slice frame)
{
    struct openai_responses_stream plain = {0}, wanting = {.wants_text = true};
    struct event event, told;
    int rc = openai_responses_read_event(&plain, name, frame, &event);

    check(rc == OK || rc == -EBADMSG);
    check(rc == OK || event.marks == 0);
    check(!(event.marks & EVENT_CONTENT) == (event.output_deltas == 0));
    check(!(event.marks & EVENT_DONE) == !(event.marks & EVENT_FINISH));
    check(!(event.marks & EVENT_ERROR) || !(event.marks & EVENT_DONE));
    check(!(event.marks & EVENT_ERROR) == (event.fault.kind == FAULT_NONE));

    check(openai_responses_read_event(&wanting, name, frame, &told) == rc);
    check(told.marks == event.marks && event.text.len == 0);
    check(told.text.len == 0 || (told.marks & EVENT_CONTENT));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const enum call_kind kinds[] = {CALL_COMPLETIONS, CALL_EMBEDDINGS, CALL_RESPONSES,
                                           CALL_COUNT_TOKENS};
    struct slice text = slice_of((const char *)bytes, n);

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        fuzz_request(kinds[i], text);
    fuzz_answer(text);
    fuzz_frame((struct slice){0}, text);
    fuzz_frame(SLICE("response.output_text.delta"), text);
    fuzz_frame(SLICE("response.completed"), text);
    fuzz_frame(SLICE("error"), text);
    return 0;
}
