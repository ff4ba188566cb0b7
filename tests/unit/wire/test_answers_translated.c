/* test_answers_translated.c: from one dialect's answer to the other's, when memory runs out, when
 * there is no room, and there and back. The translations themselves are shown by the fixtures of
 * tests/adapter. */

#include "wire/anthropic_answer.h"
#include "wire/anthropic_writer.h"
#include "wire/openai_chat.h"
#include "wire/openai_chat_pieces.h"
#include "wire/openai_chat_writer.h"

#include "codec/sse.h"
#include "support/alloc_fail.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

enum { ROOM = 1 << 20 };

#define BLOCKS                                                                                     \
    "[{\"type\":\"thinking\",\"thinking\":\"Hm\\n.\",\"signature\":\"c2ln\"},"                     \
    "{\"type\":\"redacted_thinking\",\"data\":\"c2VhbGVk\"},"                                      \
    "{\"type\":\"text\",\"text\":\"H\\u00e9 \\\"x\\\"\"},"                                         \
    "{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"f\",\"input\":{\"a\": \"\\\"\\n\", "          \
    "\"n\":1.0}},"                                                                                 \
    "{\"type\":\"tool_use\",\"id\":\"t2\",\"name\":\"g\",\"input\":{}}]"

static const char message[] =
    "{\"id\":\"m1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"x\",\"content\":" BLOCKS
    ",\"stop_reason\":\"tool_use\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":5,"
    "\"cache_creation_input_tokens\":2,\"cache_read_input_tokens\":3,\"output_tokens\":7}}";

static const char events[] =
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m1\",\"type\":"
    "\"message\",\"role\":\"assistant\",\"model\":\"x\",\"content\":[],\"stop_reason\":null,"
    "\"stop_sequence\":null,\"usage\":{\"input_tokens\":9,\"cache_creation_input_tokens\":0,"
    "\"cache_read_input_tokens\":0,\"output_tokens\":0}}}\n\n"
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
    "\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n"
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
    "{\"type\":\"thinking_delta\",\"thinking\":\"Hm\\n.\"}}\n\n"
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
    "{\"type\":\"signature_delta\",\"signature\":\"c2ln\"}}\n\n"
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,"
    "\"content_block\":{\"type\":\"redacted_thinking\",\"data\":\"c2VhbGVk\"}}\n\n"
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n"
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":2,"
    "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":"
    "{\"type\":\"text_delta\",\"text\":\"H\\u00e9 \\\"x\\\"\"}}\n\n"
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":2}\n\n"
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":3,"
    "\"content_block\":{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"f\",\"input\":{}}}\n\n"
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":3,\"delta\":"
    "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\": \"}}\n\n"
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":3,\"delta\":"
    "{\"type\":\"input_json_delta\",\"partial_json\":\"1}\"}}\n\n"
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":3}\n\n"
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":4,"
    "\"content_block\":{\"type\":\"tool_use\",\"id\":\"t2\",\"name\":\"g\",\"input\":{}}}\n\n"
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":4,\"delta\":"
    "{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}}\n\n"
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":4}\n\n"
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
    "\"tool_use\",\"stop_sequence\":null},\"usage\":{\"input_tokens\":5,"
    "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":3,\"output_tokens\":7}}\n\n"
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

/* --- whole answers --- */

static int to_chat(struct slice body, struct arena *a, struct slice *ret)
{
    struct answer answer;
    int rc = anthropic_read_answer(body, a, &answer);

    if (rc < 0)
        return rc;
    *ret = openai_chat_answer_write(&answer, a);
    return ret->at ? OK : -ENOMEM;
}

static int to_messages(struct slice body, struct arena *a, struct slice *ret)
{
    struct answer answer;
    int rc = openai_chat_read_answer(body, a, &answer);

    if (rc < 0)
        return rc;
    *ret = anthropic_answer_write(&answer, a);
    return ret->at ? OK : -ENOMEM;
}

static int there_and_back(struct arena *a, struct slice *ret)
{
    struct slice chat;
    int rc = to_chat(slice_str(message), a, &chat);

    return rc < 0 ? rc : to_messages(chat, a, ret);
}

static void an_answer_comes_back_as_it_was(void **state)
{
    struct slice back;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(there_and_back(&arena, &back), OK);
    assert_true(slice_eq(back, slice_str(message)));
    arena_clear(&arena);
}

static void whole_answers_without_memory(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        struct slice back;
        struct arena arena;
        arena_init(&arena, 0);
        alloc_fail_at(n);
        int rc = there_and_back(&arena, &back);
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        assert_int_equal(rc, hit ? -ENOMEM : OK);
        arena_clear(&arena);
        if (!hit)
            break;
    }
}

/* Every growth inside the arena, too. */
static void whole_answers_over_the_limit(void **state)
{
    int rc = -ENOMEM;

    (void)state;
    for (size_t limit = 16; rc != OK; limit += 64) {
        struct slice back;
        struct arena arena;
        arena_init(&arena, limit);
        rc = there_and_back(&arena, &back);
        assert_true(rc == OK || rc == -ENOMEM);
        arena_clear(&arena);
    }
}

/* --- streams --- */

/* From events to chunks, and from these to events again. */
struct relay {
    struct arena arena;
    struct buf chunks, events;
    struct anthropic_stream messages;
    struct anthropic_pieces messages_pieces;
    struct openai_chat_writer chat_writer;
    struct openai_chat_stream chat;
    struct openai_pieces pieces;
    struct anthropic_writer messages_writer;
};

static void relay_init(struct relay *r, size_t chunks_max, size_t events_max)
{
    *r = (struct relay){.messages = {.content_seen = false}};
    arena_init(&r->arena, 0);
    buf_init(&r->chunks, chunks_max);
    buf_init(&r->events, events_max);
    r->chat_writer =
        (struct openai_chat_writer){.out = &r->chunks, .arena = &r->arena, .include_usage = true};
    openai_chat_writer_begin(&r->chat_writer);
    r->messages_pieces.sink = &r->chat_writer.sink;
    r->messages.pieces = &r->messages_pieces;
    r->messages_writer =
        (struct anthropic_writer){.out = &r->events, .arena = &r->arena, .prompt_estimate = 9};
    anthropic_writer_begin(&r->messages_writer);
    r->pieces.sink = &r->messages_writer.sink;
    r->chat.pieces = &r->pieces;
}

static void relay_free(struct relay *r)
{
    buf_free(&r->chunks);
    buf_free(&r->events);
    arena_clear(&r->arena);
}

static int relay_all(struct relay *r)
{
    struct slice in = slice_str(events);
    struct sse_frame frame;
    struct event event;
    struct sse sse;
    int rc = OK;

    sse_init(&sse, ROOM); /* takes no memory: no frame is split */
    while (rc == OK && sse_next(&sse, &in, &frame) == 1)
        rc = anthropic_read_event(&r->messages, frame.name, frame.data, &event);
    in = buf_slice(&r->chunks);
    while (rc == OK && sse_next(&sse, &in, &frame) == 1)
        rc = openai_chat_read_event(&r->chat, frame.data, &event);
    sse_free(&sse);
    return rc;
}

static void a_stream_comes_back_as_it_was(void **state)
{
    struct relay r;

    (void)state;
    relay_init(&r, ROOM, ROOM);
    assert_int_equal(relay_all(&r), OK);
    assert_true(slice_eq(buf_slice(&r.events), slice_str(events)));
    relay_free(&r);
}

static void streams_without_memory(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        struct relay r;
        relay_init(&r, ROOM, ROOM);
        alloc_fail_at(n);
        int rc = relay_all(&r);
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        assert_int_equal(rc, hit ? -ENOMEM : OK);
        relay_free(&r);
        if (!hit)
            break;
    }
}

static void streams_without_room(void **state)
{
    size_t chunks_len, events_len;
    struct relay r;

    (void)state;
    relay_init(&r, ROOM, ROOM);
    assert_int_equal(relay_all(&r), OK);
    chunks_len = r.chunks.len;
    events_len = r.events.len;
    relay_free(&r);
    for (size_t max = 1; max <= chunks_len; max++) {
        relay_init(&r, max, ROOM);
        assert_int_equal(relay_all(&r), max < chunks_len ? -EMSGSIZE : OK);
        relay_free(&r);
    }
    for (size_t max = 1; max <= events_len; max++) {
        relay_init(&r, ROOM, max);
        assert_int_equal(relay_all(&r), max < events_len ? -EMSGSIZE : OK);
        relay_free(&r);
    }
}

static int add_tool(struct relay *r, unsigned i)
{
    char chunk[256];
    struct event event;

    snprintf(chunk, sizeof(chunk),
             "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":%u,\"id\":\"t%u\","
             "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}",
             i, i);
    return openai_chat_read_event(&r->chat, slice_str(chunk), &event);
}

static void there_may_be_so_many_tools(void **state)
{
    struct relay r;

    (void)state;
    relay_init(&r, ROOM, ROOM);
    for (unsigned i = 0; i < OPENAI_TOOLS_MAX; i++)
        assert_int_equal(add_tool(&r, i), OK);
    assert_int_equal(add_tool(&r, OPENAI_TOOLS_MAX), -EMSGSIZE);
    relay_free(&r);
}

/* Made-up sequences that no reader hands over. */
static void writers_of_messages_bear_any_order(void **state)
{
    static const struct piece pieces[] = {
        {.kind = PIECE_TOOL_INPUT, .tool = 3, .text = SLICE_INIT("{}")},
        {.kind = PIECE_TOOL_END,                        .tool = 3           },
        {.kind = PIECE_TOOL_START,                        .tool = ANTHROPIC_TOOLS_MAX},
    };
    struct relay r;

    (void)state;
    relay_init(&r, ROOM, ROOM);
    struct piece_sink *sink = &r.messages_writer.sink;
    assert_int_equal(sink->take(sink, &pieces[0]), OK);
    assert_true(slice_find(buf_slice(&r.events), SLICE("input_json")) == r.events.len);
    assert_int_equal(sink->take(sink, &pieces[1]), OK);
    assert_int_equal(sink->take(sink, &pieces[2]), -EMSGSIZE);
    relay_free(&r);
}

/* However often a provider begins: one head, which takes no more memory each time. */
static void an_answer_begins_once(void **state)
{
    static const struct piece begin = {.kind = PIECE_START, .id = SLICE_INIT("m1")};
    static const struct piece text = {.kind = PIECE_TEXT, .text = SLICE_INIT("a")};
    struct relay r;

    (void)state;
    relay_init(&r, ROOM, ROOM);
    struct piece_sink *sink = &r.chat_writer.sink;
    assert_int_equal(sink->take(sink, &begin), OK);
    assert_int_equal(sink->take(sink, &text), OK);
    size_t len = r.chunks.len;
    assert_int_equal(sink->take(sink, &begin), OK);
    assert_int_equal(r.chunks.len, len);
    relay_free(&r);
}

static void what_a_provider_sends_wrongly(void **state)
{
    static const char *const bad[] = {
        "{\"choices\":[{\"delta\":{\"tool_calls\":[3]}}]}",
        "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"id\":1,\"id\":2}]}}]}",
        "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"name\":1,\"name\":2}}]}}]}",
        "{\"choices\":[{\"delta\":{\"content\":[3]}}]}",
        "{\"choices\":[{\"delta\":{\"thinking_blocks\":[3]}}]}",
        "{\"choices\":[{\"delta\":{\"function_call\":{\"name\":1,\"name\":2}}}]}",
        "{\"choices\":[{\"delta\":{\"content\":\"a\",\"content\":\"b\"}}]}",
        "{\"choices\":[{\"finish_reason\":\"a\",\"stop_reason\":1,\"stop_reason\":2}]}",
        "{\"id\":1,\"id\":2,\"choices\":[{\"delta\":{}}]}",
        "{\"choices\":[3]}",
    };
    static const char *const whole[] = {
        "{\"choices\":[{\"message\":{\"content\":[3]}}]}",
        "{\"choices\":[{\"message\":{\"tool_calls\":[3]}}]}",
        "{\"choices\":[{\"message\":{\"tool_calls\":[{\"function\":{\"name\":1,\"name\":2}}]}}]}",
        "{\"choices\":[{\"message\":{\"thinking_blocks\":[3]}}]}",
        "{\"choices\":[{\"message\":3}]}",
        "{\"choices\":[{\"message\":{},\"finish_reason\":\"error\"}]}",
        "{\"choices\":[3]}",
        "{\"choices\":{}}",
        "{}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct relay r;
        struct event event;
        relay_init(&r, ROOM, ROOM);
        assert_int_equal(openai_chat_read_event(&r.chat, slice_str(bad[i]), &event), -EBADMSG);
        relay_free(&r);
    }
    for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
        struct answer answer;
        struct arena arena;
        arena_init(&arena, 0);
        assert_int_equal(openai_chat_read_answer(slice_str(whole[i]), &arena, &answer), -EBADMSG);
        arena_clear(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_comes_back_as_it_was),
        cmocka_unit_test(whole_answers_without_memory),
        cmocka_unit_test(whole_answers_over_the_limit),
        cmocka_unit_test(a_stream_comes_back_as_it_was),
        cmocka_unit_test(streams_without_memory),
        cmocka_unit_test(streams_without_room),
        cmocka_unit_test(there_may_be_so_many_tools),
        cmocka_unit_test(writers_of_messages_bear_any_order),
        cmocka_unit_test(an_answer_begins_once),
        cmocka_unit_test(what_a_provider_sends_wrongly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
