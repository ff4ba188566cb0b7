/* test_resp.c: replies of all kinds, whole and cut at every byte, and what is no reply. */

#include "codec/resp.h"

#include "support/alloc_fail.h"

#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Reads a copy of exactly n bytes, so that a step too far is seen. */
static int read_exactly(const char *bytes, size_t n, struct resp_reply *ret)
{
    char *copy = malloc(n + 1);

    memcpy(copy, bytes, n);
    char *exact = realloc(copy, n ? n : 1);
    int rc = resp_read(slice_of(exact, n), ret);
    free(exact);
    return rc;
}

/* Whole it is a reply and leaves what follows; cut anywhere it is told to be cut, and never asks
 * for more than there is. */
static void is_reply(const char *bytes, size_t n, size_t values)
{
    struct resp_reply reply;
    char *longer = malloc(n + 3);

    memcpy(longer, bytes, n);
    memcpy(longer + n, "+OK", 3);
    assert_int_equal(resp_read(slice_of(longer, n + 3), &reply), OK);
    assert_int_equal(reply.bytes, n);
    assert_int_equal(reply.len, values);
    free(longer);
    for (size_t cut = 0; cut < n; cut++) {
        assert_int_equal(read_exactly(bytes, cut, &reply), AGAIN);
        assert_in_range(reply.bytes, cut + 1, n);
    }
}

#define IS_REPLY(literal, values) is_reply(literal, sizeof(literal) - 1, values)

static void replies_are_read(void **state)
{
    (void)state;
    IS_REPLY("+OK\r\n", 1);
    IS_REPLY("+\r\n", 1);
    IS_REPLY("-ERR no such thing\r\n", 1);
    IS_REPLY(":0\r\n", 1);
    IS_REPLY(":-12345\r\n", 1);
    IS_REPLY(":9223372036854775807\r\n", 1);
    IS_REPLY("$0\r\n\r\n", 1);
    IS_REPLY("$5\r\na\r\n\0b\r\n", 1);
    IS_REPLY("$-1\r\n", 1);
    IS_REPLY("*-1\r\n", 1);
    IS_REPLY("*0\r\n", 1);
    IS_REPLY("*3\r\n:1\r\n$1\r\na\r\n-ERR\r\n", 4);
    IS_REPLY("*2\r\n*2\r\n:1\r\n:2\r\n*1\r\n$-1\r\n", 6);
}

static void values_are_told(void **state)
{
    struct slice text = SLICE("*5\r\n:-7\r\n$3\r\nabc\r\n+fine\r\n-ERR bad\r\n$-1\r\n");
    struct resp_reply r;

    (void)state;
    assert_int_equal(resp_read(text, &r), OK);
    assert_int_equal(r.len, 6);
    assert_int_equal(r.values[0].kind, RESP_ARRAY);
    assert_int_equal(r.values[0].number, 5);
    assert_int_equal(r.values[1].kind, RESP_NUMBER);
    assert_int_equal(r.values[1].number, -7);
    assert_int_equal(r.values[2].kind, RESP_BYTES);
    assert_true(slice_eq(r.values[2].text, SLICE("abc")));
    assert_int_equal(r.values[3].kind, RESP_STATUS);
    assert_true(slice_eq(r.values[3].text, SLICE("fine")));
    assert_int_equal(r.values[4].kind, RESP_ERROR);
    assert_true(slice_eq(r.values[4].text, SLICE("ERR bad")));
    assert_int_equal(r.values[5].kind, RESP_NULL);
}

static void a_long_value_says_how_long_it_is(void **state)
{
    struct resp_reply r;

    (void)state;
    assert_int_equal(resp_read(SLICE("$1000000\r\nabc"), &r), AGAIN);
    assert_int_equal(r.bytes, 1000000 + 12);
    assert_int_equal(resp_read(SLICE("*2\r\n:1\r\n$10\r\n"), &r), AGAIN);
    assert_int_equal(r.bytes, 8 + 5 + 12);
}

static void what_is_no_reply_is_refused(void **state)
{
    static const char *const no[] = {
        "HTTP/1.1 400 Bad Request\r\n",
        "\r\n",
        "\n",
        "+OK\n",
        ":\r\n",
        ":1a\r\n",
        ":+1\r\n",
        ":9223372036854775808\r\n",
        "$-2\r\n",
        "$x\r\n",
        "$2\r\nabc\r\n",
        "$2\r\nab\rx",
        "*-5\r\n",
        "$9223372036854775807\r\n",
        "%1\r\n+a\r\n+b\r\n",
        "*1\r\nx\r\n",
    };
    struct resp_reply r;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        if (read_exactly(no[i], strlen(no[i]), &r) != -EPROTO)
            fail_msg("taken for a reply: %s", no[i]);
}

static void sizes_are_limited(void **state)
{
    static char line[RESP_LINE + 1];
    struct resp_reply r;
    struct buf b;

    (void)state;
    memset(line, 'a', sizeof(line));
    line[0] = '+';
    assert_int_equal(resp_read(slice_of(line, RESP_LINE - 1), &r), AGAIN);
    assert_int_equal(resp_read(slice_of(line, RESP_LINE), &r), -EPROTO);
    assert_int_equal(resp_read(SLICE("*64\r\n"), &r), -EMSGSIZE);
    assert_int_equal(resp_read(SLICE("*9223372036854775807\r\n:1\r\n"), &r), -EMSGSIZE);

    buf_init(&b, 4096);
    buf_add(&b, SLICE("*63\r\n"));
    for (int i = 0; i < 63; i++)
        buf_add(&b, SLICE(":1\r\n"));
    assert_int_equal(resp_read(buf_slice(&b), &r), OK);
    assert_int_equal(r.len, RESP_VALUES);
    buf_free(&b);
}

static void commands_are_written(void **state)
{
    const struct slice words[] = {SLICE("SET"), SLICE("k"), SLICE("a\r\n\0"), {0}};
    struct slice want = SLICE("*4\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\n\0\r\n$0\r\n\r\n");
    struct buf b;

    (void)state;
    buf_init(&b, 1024);
    assert_int_equal(resp_add_command(&b, words, 4), OK);
    assert_true(slice_eq(buf_slice(&b), want));
    buf_free(&b);
}

/* A command has the form of a reply: what was written reads back. */
static void words_of_every_length_read_back(void **state)
{
    static const char text[1100] = "word";
    struct resp_reply r;
    struct buf b;

    (void)state;
    buf_init(&b, 4096);
    for (size_t n = 0; n <= sizeof(text); n++) {
        const struct slice words[] = {slice_of(text, n), SLICE("end")};
        buf_reset(&b);
        assert_int_equal(resp_add_command(&b, words, 2), OK);
        assert_int_equal(resp_read(buf_slice(&b), &r), OK);
        assert_int_equal(r.bytes, b.len);
        assert_int_equal(r.len, 3);
        assert_true(slice_eq(r.values[1].text, words[0]));
        assert_true(slice_eq(r.values[2].text, words[1]));
    }
    buf_free(&b);
}

static void a_command_that_does_not_fit_leaves_nothing(void **state)
{
    const struct slice words[] = {SLICE("GET"), SLICE("key")};
    struct buf b;

    (void)state;
    for (size_t max = 1; max < 22; max++) {
        buf_init(&b, max);
        assert_int_equal(resp_add_command(&b, words, 2), -EMSGSIZE);
        assert_int_equal(b.len, 0);
        assert_int_equal(b.rc, OK);
        buf_free(&b);
    }
    buf_init(&b, 1024);
    alloc_fail_at(1);
    assert_int_equal(resp_add_command(&b, words, 2), -ENOMEM);
    assert_int_equal(resp_add_command(&b, words, 2), OK);
    assert_int_equal(b.len, 22);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_are_read),
        cmocka_unit_test(values_are_told),
        cmocka_unit_test(a_long_value_says_how_long_it_is),
        cmocka_unit_test(what_is_no_reply_is_refused),
        cmocka_unit_test(sizes_are_limited),
        cmocka_unit_test(commands_are_written),
        cmocka_unit_test(words_of_every_length_read_back),
        cmocka_unit_test(a_command_that_does_not_fit_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
