/* test_openai_chat_alike.c: what is taken for one more frame of content is one. */

#include "wire/openai_chat.h"

#include "codec/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#define FRAME(content)                                                                             \
    "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" content              \
    "\"},\"finish_reason\":null}],\"usage\":null}\n\n"
#define HIDDEN(content, pad)                                                                       \
    "data: {\"choices\":[{\"delta\":{\"content\": \"" content "\"}}],\"obfuscation\":\"" pad       \
    "\"}\n\n"

static size_t alike(const char *frame, const char *rest, uint64_t *ret_frames)
{
    return openai_chat_alike(slice_str(frame), slice_str(rest), ret_frames);
}

static void frames_that_differ_in_text_are_alike(void **state)
{
    static const char rest[] = FRAME("b") FRAME("\\\"usage\\\":{") FRAME("\\\\") FRAME("é\\u00e9");
    uint64_t frames;

    (void)state;
    assert_int_equal(alike(FRAME("a"), rest, &frames), sizeof(rest) - 1);
    assert_int_equal(frames, 4);
}

static void padding_may_change_too(void **state)
{
    static const char rest[] = HIDDEN("b", "xyz") HIDDEN("ccc", "");
    uint64_t frames;

    (void)state;
    assert_int_equal(alike(HIDDEN("a", "x"), rest, &frames), sizeof(rest) - 1);
    assert_int_equal(frames, 2);
}

static void everything_else_is_read(void **state)
{
    static const char *const rests[] = {
        "",
        FRAME(""),
        "data: [DONE]\n\n",
        ": comment\n\n" FRAME("b"),
        "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"},"
        "\"finish_reason\":\"stop\"}],\"usage\":null}\n\n",
        "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"},"
        "\"finish_reason\":null}],\"usage\":{\"prompt_tokens\":1}}\n\n",
        "data: {\"id\":\"1\",\"choices\":[{\"index\":1,\"delta\":{\"content\":\"b\"},"
        "\"finish_reason\":null}],\"usage\":null}\n\n",
        FRAME("b\nb"),
        FRAME("b\rdata: [DONE]"),
        FRAME("b\"},\"error\":{\"x"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rests); i++) {
        uint64_t frames;
        assert_int_equal(alike(FRAME("a"), rests[i], &frames), 0);
        assert_int_equal(frames, 0);
    }
}

static void a_frame_without_text_is_like_nothing(void **state)
{
    static const char *const frames[] = {"",
                                         "\n\n",
                                         "data: {}\n\n",
                                         "data: {\"content\":1}\n\n",
                                         "data: {\"content\":\"a\"}\r\r",
                                         "data: {\"content\":\""};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
        uint64_t n;
        assert_int_equal(alike(frames[i], frames[i], &n), 0);
    }
}

/* Whatever was taken is what reading frame by frame says. */
static void cut_at_every_byte_takes_whole_frames_only(void **state)
{
    static const char text[] = FRAME("b") FRAME("c c") FRAME("\\n") FRAME("") "data: [DONE]\n\n";

    (void)state;
    for (size_t cut = 0; cut < sizeof(text); cut++) {
        char *exact = malloc(cut + 1); /* a read past the end is seen */
        memcpy(exact, text, cut);
        uint64_t frames, read = 0;
        size_t n = openai_chat_alike(SLICE(FRAME("a")), slice_of(exact, cut), &frames);

        struct openai_chat_stream s = {.content_seen = true};
        struct slice taken = slice_of(exact, n);
        struct sse sse;
        struct sse_frame frame;
        struct event event;
        sse_init(&sse, 4096);
        while (sse_next(&sse, &taken, &frame) == 1) {
            assert_int_equal(openai_chat_read_event(&s, frame.data, &event), OK);
            assert_int_equal(event.marks, EVENT_CONTENT);
            read += event.output_deltas;
        }
        assert_int_equal(taken.len, 0);
        assert_int_equal(sse.held.len, 0);
        assert_int_equal(read, frames);
        sse_free(&sse);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_that_differ_in_text_are_alike),
        cmocka_unit_test(padding_may_change_too),
        cmocka_unit_test(everything_else_is_read),
        cmocka_unit_test(a_frame_without_text_is_like_nothing),
        cmocka_unit_test(cut_at_every_byte_takes_whole_frames_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
