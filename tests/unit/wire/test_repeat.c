/* test_repeat.c: which frames are taken for the one before with another text. */

#include "wire/repeat.h"

#include "wire/anthropic_answer.h"
#include "wire/openai_chat.h"
#include "wire/openai_chat_pieces.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#define HEAD         "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\""
#define TAIL         "\"},\"finish_reason\":null}]}"
#define NOISY(noise) "\"},\"finish_reason\":null}],\"obfuscation\":\"" noise "\",\"usage\":null}"

static const struct event content = {.marks = EVENT_CONTENT, .output_deltas = 1};

/* Remembers a frame that says one piece: the first string "hey" in it. */
static void learn(struct repeat *r, const char *frame, enum piece_kind kind)
{
    struct piece p = {.kind = kind, .tool = 3};

    p.text = slice_of(strstr(frame, "hey"), 3);
    repeat_begin(r);
    repeat_note(r, &p);
    repeat_end(r, slice_str(frame), &content);
}

static bool finds(const struct repeat *r, const char *frame, struct piece *ret)
{
    return repeat_find(r, slice_str(frame), ret);
}

static void only_the_text_changes(void **state)
{
    struct repeat r = {.before = 0};
    struct piece p;

    (void)state;
    assert_false(finds(&r, HEAD "hey" TAIL, &p));
    learn(&r, HEAD "hey" TAIL, PIECE_TOOL_INPUT);
    assert_true(finds(&r, HEAD "an \\\"escape\\u00e9\\\", \xC3\xA9" TAIL, &p));
    assert_int_equal(p.kind, PIECE_TOOL_INPUT);
    assert_int_equal(p.tool, 3);
    assert_true(slice_eq(p.text, SLICE("an \\\"escape\\u00e9\\\", \xC3\xA9")));
    assert_true(finds(&r, HEAD "hey" TAIL, &p));
}

static void what_is_no_repetition(void **state)
{
    static const char *const frames[] = {
        "",
        "{",
        HEAD,
        HEAD "x",
        HEAD TAIL,
        HEAD "x\"",
        HEAD "x" TAIL " ",
        HEAD "x\"},\"finish_reason\":\"stop\"}]}",
        HEAD "x\",\"refusal\":\"y" TAIL,
        HEAD "\\x" TAIL,
        HEAD "\\u00g0" TAIL,
        HEAD "x\ny" TAIL,
        HEAD "\xC3" TAIL,
        HEAD "\xED\xA0\x80" TAIL,
        ("{\"id\":\"d\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x" TAIL),
    };
    struct repeat r = {.before = 0};
    struct piece p;

    (void)state;
    learn(&r, HEAD "hey" TAIL, PIECE_TEXT);
    for (size_t i = 0; i < ARRAY_LEN(frames); i++)
        assert_false(finds(&r, frames[i], &p));
}

static void obfuscation_may_be_anything(void **state)
{
    struct repeat r = {.before = 0};
    struct piece p;

    (void)state;
    learn(&r, HEAD "hey" NOISY("aZ4"), PIECE_TEXT);
    assert_true(finds(&r, HEAD "x" NOISY("0123456789"), &p));
    assert_true(slice_eq(p.text, SLICE("x")));
    assert_true(finds(&r, HEAD "x" NOISY(""), &p));
    assert_false(finds(&r, HEAD "x" NOISY("\xFF"), &p));
    assert_false(finds(&r, HEAD "x" TAIL, &p));
    assert_false(finds(&r, HEAD "x\"},\"finish_reason\":null}],\"obfuscation\":\"a", &p));
}

static void what_is_not_remembered(void **state)
{
    static const struct event others[] = {
        {.marks = EVENT_CONTENT | EVENT_FINISH, .output_deltas = 1},
        {.marks = EVENT_CONTENT | EVENT_USAGE,                                     .output_deltas = 1},
        {.marks = EVENT_CONTENT,.output_deltas = 2},
        {.marks = 0               },
    };
    const struct slice frame = SLICE(HEAD "hey" TAIL);
    struct piece p = {.kind = PIECE_TEXT, .text = slice_sub(frame, sizeof(HEAD) - 1, frame.len)};
    struct repeat r = {.before = 0};

    (void)state;
    p.text.len = 3;
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        repeat_begin(&r);
        repeat_note(&r, &p);
        repeat_end(&r, frame, &others[i]);
        assert_false(repeat_find(&r, frame, &p));
    }
    learn(&r, frame.at, PIECE_SIGNATURE);
    assert_false(repeat_find(&r, frame, &p));
    learn(&r, frame.at, PIECE_TEXT);
    repeat_begin(&r); /* another frame */
    assert_false(repeat_find(&r, frame, &p));
    repeat_note(&r, &p);
    repeat_note(&r, &p); /* of two pieces */
    repeat_end(&r, frame, &content);
    assert_false(repeat_find(&r, frame, &p));
}

/* One byte more around the text than there is room for. */
static void a_frame_that_is_too_long(void **state)
{
    char frame[REPEAT_ROOM + 8];
    struct repeat r = {.before = 0};
    struct piece p;

    (void)state;
    for (int more = 0; more < 2; more++) {
        int n = snprintf(frame, sizeof(frame), "{\"a\":\"hey\",\"b\":\"%0*d\"}",
                         REPEAT_ROOM - 15 + more, 0);
        assert_int_equal(n, REPEAT_ROOM + 3 + more);
        learn(&r, frame, PIECE_TEXT);
        assert_int_equal(finds(&r, frame, &p), !more);
    }
}

/* ---- in the readers ---- */

struct heard {
    struct piece_sink sink;
    unsigned pieces;
    char text[64];
};

static int hear(struct piece_sink *sink, const struct piece *p)
{
    struct heard *h = container_of(sink, struct heard, sink);

    h->pieces++;
    if (p->text.len)
        strncat(h->text, p->text.at, p->text.len);
    return OK;
}

#define CALL(part)                                                                                 \
    "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0," part "}]}}]}"

/* The same bytes mean another tool when one has begun in between. */
static void tools_of_chat(void **state)
{
    static const char *const frames[] = {
        CALL("\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}"),
        CALL("\"function\":{\"arguments\":\"1\"}"),
        CALL("\"function\":{\"arguments\":\"2\"}"),
        CALL("\"id\":\"b\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}"),
        CALL("\"function\":{\"arguments\":\"3\"}"),
        CALL("\"function\":{\"arguments\":\"4\"}"),
    };
    struct heard heard = {.sink = {.take = hear}};
    struct openai_pieces pieces = {.sink = &heard.sink};
    struct openai_chat_stream stream = {.pieces = &pieces};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
        struct event event;
        assert_int_equal(openai_chat_read_event(&stream, slice_str(frames[i]), &event), OK);
        assert_int_equal(event.marks, EVENT_CONTENT);
        assert_int_equal(event.output_deltas, 1);
        assert_int_equal(pieces.repeat.tool, i / 3);
    }
    assert_string_equal(heard.text, "1234");
}

#define DELTA(text) "{" TYPE "\"delta\":{\"type\":\"text_delta\",\"text\":\"" text "\"}}"

/* An event without a type is told by its name, which is no part of what is remembered. */
static void types_of_messages(void **state)
{
    struct heard heard = {.sink = {.take = hear}};
    struct anthropic_pieces pieces = {.sink = &heard.sink};
    struct anthropic_stream stream = {.pieces = &pieces};
    const struct slice name = SLICE("content_block_delta");
    struct event event;

    (void)state;
#define TYPE "\"type\":\"content_block_delta\","
    assert_int_equal(anthropic_read_event(&stream, name, SLICE(DELTA("a")), &event), OK);
    assert_true(pieces.repeat.before > 0);
    assert_int_equal(anthropic_read_event(&stream, name, SLICE(DELTA("b")), &event), OK);
    assert_int_equal(event.marks, EVENT_CONTENT);
    assert_int_equal(event.output_deltas, 1);
#undef TYPE
#define TYPE ""
    assert_int_equal(anthropic_read_event(&stream, name, SLICE(DELTA("c")), &event), OK);
    assert_int_equal(pieces.repeat.before, 0);
    assert_int_equal(anthropic_read_event(&stream, SLICE("error"), SLICE(DELTA("d")), &event), OK);
    assert_int_equal(event.marks, EVENT_ERROR);
    assert_string_equal(heard.text, "abc");
    assert_int_equal(heard.pieces, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_text_changes),       cmocka_unit_test(what_is_no_repetition),
        cmocka_unit_test(obfuscation_may_be_anything), cmocka_unit_test(what_is_not_remembered),
        cmocka_unit_test(a_frame_that_is_too_long),    cmocka_unit_test(tools_of_chat),
        cmocka_unit_test(types_of_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
