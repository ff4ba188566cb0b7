/* fuzz_wire_answers.c: any bytes as an answer, whole and streamed, of either dialect, said in the
 * other and read again.
 *
 * What must hold: what is written is JSON, whole frames, and an answer to its reader; a glance at
 * an event of Anthropic's tells no end and no error otherwise than reading it does; a frame that
 * repeats the one before says what it would say if it were parsed. */

#include "wire/anthropic_answer.h"
#include "wire/anthropic_error.h"
#include "wire/anthropic_writer.h"
#include "wire/openai_chat.h"
#include "wire/openai_chat_pieces.h"
#include "wire/openai_chat_writer.h"

#include "codec/sse.h"

#include <errno.h>
#include <stdlib.h>

enum { ROOM = 1 << 22 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_json(struct slice text)
{
    struct json_error why;

    check(text.at && json_is_valid(text, &why));
}

static void fuzz_message(struct slice body, struct arena *a)
{
    struct answer answer, again;
    struct reply reply;

    if (anthropic_read_answer(body, a, &answer) != OK)
        return;
    struct slice written = openai_chat_answer_write(&answer, a);
    check_json(written);
    check(openai_chat_read_reply(written, &reply) == OK);
    check(openai_chat_read_answer(written, a, &again) == OK);
}

static void fuzz_completion(struct slice body, struct arena *a)
{
    struct answer answer, again;
    struct reply reply;

    if (openai_chat_read_answer(body, a, &answer) != OK)
        return;
    struct slice written = anthropic_answer_write(&answer, a);
    check_json(written);
    check(anthropic_read_reply(written, &reply) == OK);
    check(anthropic_read_answer(written, a, &again) == OK);
    check(again.blocks_len >= answer.blocks_len);
}

/* Every frame that was written is one that the dialect's own reader takes. */
static void check_chunks(struct slice text)
{
    struct openai_chat_stream reader = {.content_seen = false};
    struct sse_frame frame;
    struct event event;
    struct sse sse;

    sse_init(&sse, ROOM);
    while (sse_next(&sse, &text, &frame) == 1) {
        check(openai_chat_read_event(&reader, frame.data, &event) == OK);
        check(!(event.marks & EVENT_ERROR));
    }
    check(sse_end(&sse, &frame) == 0 && text.len == 0);
    sse_free(&sse);
}

static void check_events(struct slice text)
{
    struct anthropic_stream reader = {.content_seen = false};
    struct sse_frame frame;
    struct event event;
    struct sse sse;

    sse_init(&sse, ROOM);
    while (sse_next(&sse, &text, &frame) == 1) {
        check(anthropic_read_event(&reader, frame.name, frame.data, &event) == OK);
        check(!(event.marks & EVENT_ERROR));
    }
    check(sse_end(&sse, &frame) == 0 && text.len == 0);
    sse_free(&sse);
}

/* Both of these say a stream in the other dialect; forgets: no frame is taken for a repeated one.
 */
static int say_chunks(struct slice text, struct arena *a, bool forgets, struct buf *out)
{
    struct anthropic_writer writer = {.out = out, .arena = a};
    struct openai_pieces pieces = {.sink = &writer.sink};
    struct openai_chat_stream stream = {.pieces = &pieces};
    struct sse_frame frame;
    struct event event;
    struct sse sse;
    int rc = OK;

    buf_init(out, ROOM);
    anthropic_writer_begin(&writer);
    sse_init(&sse, ROOM);
    while ((rc == OK || rc == -EBADMSG) && sse_next(&sse, &text, &frame) == 1) {
        if (forgets)
            repeat_begin(&pieces.repeat);
        rc = openai_chat_read_event(&stream, frame.data, &event);
    }
    check(rc == OK || rc == -EBADMSG || rc == -EMSGSIZE);
    sse_free(&sse);
    return rc;
}

static void fuzz_chunks(struct slice text, struct arena *a)
{
    struct buf out, parsed;
    int rc = say_chunks(text, a, false, &out);

    check(say_chunks(text, a, true, &parsed) == rc);
    check(slice_eq(buf_slice(&out), buf_slice(&parsed)));
    if (rc != -EMSGSIZE)
        check_events(buf_slice(&out));
    buf_free(&out);
    buf_free(&parsed);
}

/* A provider may write what it likes into a delta that nobody parses, but for how a stream ends. */
static void check_glance(const struct sse_frame *frame, unsigned marks)
{
    struct anthropic_stream running = {.content_seen = true};
    unsigned ends = EVENT_DONE | EVENT_ERROR | EVENT_USAGE;
    struct event glanced;

    if (slice_eq(frame->name, SLICE("content_block_delta")))
        return;
    check(anthropic_read_event(&running, frame->name, frame->data, &glanced) == OK);
    check((glanced.marks & ends) == (marks & ends));
}

static int say_events(struct slice text, struct arena *a, bool forgets, struct buf *out)
{
    struct openai_chat_writer writer = {.out = out, .arena = a, .include_usage = true};
    struct anthropic_pieces pieces = {.sink = &writer.sink};
    struct anthropic_stream stream = {.pieces = &pieces};
    struct sse_frame frame;
    struct event event;
    struct sse sse;
    int rc = OK;

    buf_init(out, ROOM);
    openai_chat_writer_begin(&writer);
    sse_init(&sse, ROOM);
    while ((rc == OK || rc == -EBADMSG) && sse_next(&sse, &text, &frame) == 1) {
        if (forgets)
            repeat_begin(&pieces.repeat);
        rc = anthropic_read_event(&stream, frame.name, frame.data, &event);
        if (rc == OK)
            check_glance(&frame, event.marks);
    }
    check(rc == OK || rc == -EBADMSG || rc == -EMSGSIZE);
    sse_free(&sse);
    return rc;
}

static void fuzz_events(struct slice text, struct arena *a)
{
    struct buf out, parsed;
    int rc = say_events(text, a, false, &out);

    check(say_events(text, a, true, &parsed) == rc);
    check(slice_eq(buf_slice(&out), buf_slice(&parsed)));
    if (rc != -EMSGSIZE)
        check_chunks(buf_slice(&out));
    buf_free(&out);
    buf_free(&parsed);
}

static void fuzz_error(struct slice body, struct arena *a)
{
    struct anthropic_error error;

    if (!anthropic_error_read(body, &error))
        return;
    check(anthropic_error_kind(0, &error) != FAULT_NONE);
    struct slice written = anthropic_error_write(a, SLICE("api_error"), error.message, error.type);
    check_json(written);
    check(anthropic_error_read(written, &error));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct slice text = slice_of((const char *)bytes, n);
    struct arena arena;

    arena_init(&arena, 0);
    fuzz_message(text, &arena);
    fuzz_completion(text, &arena);
    fuzz_chunks(text, &arena);
    fuzz_events(text, &arena);
    fuzz_error(text, &arena);
    arena_clear(&arena);
    return 0;
}
