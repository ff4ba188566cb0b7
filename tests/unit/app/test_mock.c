/* The mock without its sockets: what a model's name says, and the script that comes of it. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/mock_reply.h"
#include "app/mock_schema.h"
#include "app/mock_turns.h"
#include "support/alloc_fail.h"

static void test_plan(void **state)
{
    struct mock_plan plan;
    struct slice wrong;

    (void)state;
    mock_plan_init(&plan);
    assert_true(mock_plan_read(&plan,
                               SLICE("chunks=3&bytes=2KB&chunk_delay=50ms&fault=half_head&crlf=1&"
                                     "text=a+b&framing=close&cut_after=0"),
                               &wrong));
    assert_int_equal(plan.chunks, 3);
    assert_int_equal(plan.bytes, 2048);
    assert_int_equal(plan.chunk_delay, 50);
    assert_int_equal(plan.fault, MOCK_HALF_HEAD);
    assert_int_equal(plan.framing, MOCK_CLOSED);
    assert_int_equal(plan.cut_after, 0);
    assert_true(plan.crlf);
    assert_true(plan.reset_after == MOCK_NEVER);
    assert_true(slice_eq(plan.text, SLICE("a+b")));
}

static void test_what_is_not_understood(void **state)
{
    static const char *const specs[] = {
        "chunk=3",  "chunks",        "chunks=0",  "chunks=x",    "chunks=-1",
        "crlf=yes", "fault=unknown", "status=99", "bytes=100GB", "=",
        "&",        "status=1000",   "delay=5",   "chunks=3&x",  "first_delay=5"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        struct mock_plan plan;
        struct slice wrong;
        mock_plan_init(&plan);
        if (mock_plan_read(&plan, slice_str(specs[i]), &wrong))
            fail_msg("understood %s", specs[i]);
    }
}

/* All bytes of the script in one text. */
static void join(const struct mock_script *s, struct buf *ret)
{
    buf_init(ret, 1 << 20);
    for (size_t i = 0; i < s->len; i++)
        if (s->steps[i].act == MOCK_SEND)
            buf_add(ret, s->steps[i].bytes);
}

static struct mock_script *script_of(const char *body)
{
    struct mock_ask ask;
    struct mock_plan plan;
    struct slice wrong, spec;

    assert_true(mock_ask_read(slice_str(body), &ask));
    spec = ask.model;
    slice_cut(&spec, '?');
    mock_plan_init(&plan);
    assert_true(mock_plan_read(&plan, spec, &wrong));
    return mock_reply(&mock_chat, &plan, &ask);
}

static void expect_text(const char *body, const char *text, bool there)
{
    struct mock_script *s = script_of(body);
    struct buf all;

    assert_non_null(s);
    join(s, &all);
    if ((slice_find(buf_slice(&all), slice_str(text)) < all.len) != there)
        fail_msg("%s\n%s %s\n%.*s", body, there ? "lacks" : "has", text, (int)all.len, all.at);
    buf_free(&all);
    mock_script_unref(s);
}

#define STREAM(spec) "{\"model\":\"mock?" spec "\",\"stream\":true}"

static void test_scripts_say_what_the_plan_says(void **state)
{
    (void)state;
    expect_text("{\"model\":\"mock\"}", "\"model\":\"mock\"", true);
    expect_text("{\"model\":\"mock\"}", "content-length: ", true);
    expect_text("{\"model\":\"mock?text=good+day\"}", "\"content\":\"good day\"", true);
    expect_text("{\"model\":\"mock?no_usage=1\"}", "usage", false);
    expect_text(STREAM("chunks=2"), "data: [DONE]\n\n\r\n0\r\n\r\n", true);
    expect_text(STREAM("no_done=1"), "[DONE]", false);
    expect_text(STREAM("crlf=1"), "data: [DONE]\r\n\r\n", true);
    expect_text(STREAM("framing=close"), "transfer-encoding", false);
    expect_text(STREAM("cut_after=1"), "finish_reason\":\"stop\"", false);
    expect_text(STREAM("error_after=1"), "data: {\"error\":", true);
    expect_text(STREAM("chunks=1"), "\"usage\"", false);
    expect_text("{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}",
                "\"choices\":[],\"usage\":{\"prompt_tokens\":9", true);
}

static void test_hints(void **state)
{
    (void)state;
    expect_text("{\"model\":\"mock?status=429&retry_after=2\"}", "retry-after: 2\r\n", true);
    expect_text("{\"model\":\"mock?status=429&retry_after_ms=250\"}", "retry-after-ms: 250\r\n",
                true);
    expect_text("{\"model\":\"mock?status=429&reset_requests=1m2s&reset_tokens=6ms\"}",
                "x-ratelimit-reset-requests: 1m2s\r\nx-ratelimit-reset-tokens: 6ms\r\n", true);
    expect_text("{\"model\":\"mock?status=429\"}", "reset", false);
    expect_text("{\"model\":\"mock?status=529\"}", "overloaded_error", true);
    expect_text(STREAM("fault=reset_after_head"), "text/event-stream", true);
    expect_text("{\"model\":\"mock?fault=reset_after_head\"}", "application/json", true);
}

static void test_turns(void **state)
{
    struct mock_plan first = {.fail_first = 2}, flap = {.flap = 100}, odds = {.odds = 30};
    struct mock_turns t;

    (void)state;
    mock_turns_init(&t);
    for (int name = 0; name < 2; name++)
        for (unsigned i = 0; i < 4; i++)
            assert_int_equal(mock_turns_fails(&t, &first, name ? SLICE("a") : SLICE("b"), i),
                             i < 2);
    for (uint64_t now = 1000; now < 1600; now += 50)
        assert_int_equal(mock_turns_fails(&t, &flap, SLICE("c"), now), (now / 100) % 2 == 0);
    unsigned failed = 0, again = 0;
    bool last = false;
    for (unsigned i = 0; i < 10000; i++) {
        bool fails = mock_turns_fails(&t, &odds, SLICE("d"), 0);
        failed += fails;
        again += fails && last;
        last = fails;
    }
    assert_in_range(failed, 2800, 3200);
    assert_in_range(again, 700, 1100); /* as often as chance has it */
    mock_turns_clear(&t);
    assert_true(mock_turns_fails(&t, &first, SLICE("a"), 0));
    for (unsigned n = 1;; n++) { /* without memory it fails */
        mock_turns_clear(&t);
        alloc_fail_at(n);
        assert_true(mock_turns_fails(&t, &first, SLICE("a"), 0));
        if (!alloc_fail_hit())
            break;
    }
    mock_turns_clear(&t);
}

static void test_a_turn_takes_out_what_goes_wrong(void **state)
{
    static const char *const specs[] = {"status=503",
                                        "fault=silent",
                                        "cut_after=1",
                                        "no_done=1",
                                        "error_after=0",
                                        "stall_end=1",
                                        "status=429&retry_after=3"};
    struct mock_plan bad, good, plain;
    struct slice wrong;

    (void)state;
    mock_plan_init(&plain);
    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        mock_plan_init(&bad);
        assert_true(mock_plan_read(&bad, slice_str(specs[i]), &wrong));
        good = bad;
        mock_plan_turn(&bad, true);
        assert_memory_equal(&bad, &good, sizeof(bad));
        mock_plan_turn(&good, false);
        good.retry_after = 0;
        assert_memory_equal(&good, &plain, sizeof(good));
    }
    mock_plan_turn(&plain, true);
    assert_int_equal(plain.status, 500);
}

static void test_steps(void **state)
{
    struct mock_script *s =
        script_of(STREAM("chunks=3&chunk_delay=5ms&first_delay=7ms&cut_after=2"));

    (void)state;
    assert_int_equal(s->len, 4); /* head and role; two chunks; the end of the connection */
    assert_int_equal(s->steps[1].delay_ms, 7);
    assert_int_equal(s->steps[2].delay_ms, 5);
    assert_int_equal(s->steps[3].act, MOCK_CLOSE);
    mock_script_unref(s);
    s = script_of("{\"model\":\"mock?fault=silent\"}");
    assert_int_equal(s->len, 1);
    assert_int_equal(s->steps[0].act, MOCK_HOLD);
    mock_script_unref(s);
}

static void test_sizes(void **state)
{
    struct mock_script *s = script_of("{\"model\":\"mock?bytes=4096\"}");
    struct buf all;

    (void)state;
    join(s, &all);
    size_t head = slice_find(buf_slice(&all), SLICE("\r\n\r\n")) + 4;
    assert_int_equal(all.len - head, 4096);
    buf_free(&all);
    mock_script_unref(s);
}

static void expect_fit(const char *schema, const char *value)
{
    struct json_value v = {.type = JSON_OBJECT, .text = slice_str(schema)};
    struct json_error error;
    struct buf out;

    assert_true(json_is_valid(v.text, &error));
    buf_init(&out, 1 << 16);
    mock_schema_value(v, &out);
    if (!slice_eq(buf_slice(&out), slice_str(value)))
        fail_msg("%s\nis %.*s\nnot %s", schema, (int)out.len, out.at, value);
    buf_free(&out);
}

static void test_schemas(void **state)
{
    (void)state;
    expect_fit("{\"type\":\"string\"}", "\"text\"");
    expect_fit("{\"type\":[\"integer\",\"null\"]}", "1");
    expect_fit("{\"enum\":[\"a\",\"b\"]}", "\"a\"");
    expect_fit("{\"const\":{\"x\":1}}", "{\"x\":1}");
    expect_fit("{\"anyOf\":[{\"type\":\"boolean\"},{\"type\":\"null\"}]}", "true");
    expect_fit("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"array\"},\"b\":{}},"
               "\"required\":[\"a\"]}",
               "{\"a\":[]}");
    expect_fit("{\"$ref\":\"#/$defs/n\",\"$defs\":{\"n\":{\"type\":\"number\"}}}", "1");
    expect_fit("{\"$ref\":\"#/$defs/none\"}", "null");
    expect_fit("{\"$ref\":\"#\"}", "null"); /* its own: an end all the same */
    expect_fit("{}", "null");
}

static void test_out_of_memory(void **state)
{
    static const char *const bodies[] = {
        "{\"model\":\"mock?bytes=4KB\"}", STREAM("chunks=4&chunk_delay=1ms"),
        ("{\"model\":\"mock?tools=1\",\"tools\":[{\"function\":{\"name\":\"f\",\"parameters\":"
         "{\"type\":\"object\"}}}]}"),
        "{\"model\":\"mock?status=500\"}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
        for (unsigned n = 1;; n++) {
            alloc_fail_at(n);
            struct mock_script *s = script_of(bodies[i]);
            bool hit = alloc_fail_hit();
            alloc_fail_at(0);
            mock_script_unref(s);
            if (!hit) {
                assert_non_null(s);
                break;
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_what_is_not_understood),
        cmocka_unit_test(test_scripts_say_what_the_plan_says),
        cmocka_unit_test(test_hints),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_a_turn_takes_out_what_goes_wrong),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_schemas),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
