/* test_openai.c: the registry, and what the fixtures of tests/adapter cannot show: memory that runs
 * out, a key that would break the head, a state that is carried from frame to frame. */

#include "adapter/openai.h"
#include "adapter/registry.h"
#include "support/alloc_fail.h"
#include "wire/openai_chat.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static const struct slice body =
    SLICE_INIT("{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\"}]}");

static struct target target_of(const char *type, const char *key)
{
    return (struct target){
        .adapter = adapter_find(slice_str(type)),
        .authority = SLICE("example.org"),
        .base_path = SLICE("/v1"),
        .upstream_model = SLICE("other"),
        .api_key = secret_of(slice_str(key)),
    };
}

static int encode(const struct target *t, struct arena *a, struct http_message *ret,
                  struct fault *ret_fault)
{
    struct call call;

    assert_true(openai_chat_read(body, a, &call, ret_fault));
    return openai_chat_op.encode(t, &call, a, ret, ret_fault);
}

static void every_adapter_is_found_by_its_name(void **state)
{
    size_t n = 0;

    (void)state;
    for (const struct adapter *const *a = adapter_all(); *a; a++, n++) {
        assert_ptr_equal(adapter_find(slice_str((*a)->name)), *a);
        assert_non_null((*a)->ops[CALL_CHAT]);
        assert_non_null((*a)->ops[CALL_MESSAGES]);
        assert_int_equal((*a)->ops[CALL_CHAT]->translates, (*a)->dialect != DIALECT_CHAT);
        assert_int_equal((*a)->ops[CALL_MESSAGES]->translates, (*a)->dialect != DIALECT_MESSAGES);
        assert_non_null((*a)->classify);
        assert_non_null((*a)->settings);
    }
    assert_int_equal(n, 17);
    assert_null(adapter_find(SLICE("no-such-vendor")));
    assert_null(adapter_find(SLICE("")));
}

static void fallbacks_of_settings(void **state)
{
    const struct adapter *openai = adapter_find(SLICE("openai"));
    const struct adapter *compatible = adapter_find(SLICE("openai_compatible"));

    (void)state;
    assert_true(slice_eq(adapter_fallback(openai, "base_url"), SLICE("https://api.openai.com/v1")));
    assert_true(slice_is_empty(adapter_fallback(openai, "api_key")));
    assert_true(slice_is_empty(adapter_fallback(openai, "unknown")));
    assert_true(slice_is_empty(adapter_fallback(compatible, "base_url")));
    assert_true(compatible->settings[0].required);
}

static void a_key_that_would_break_the_head_is_refused(void **state)
{
    struct target t = target_of("openai", "sk-1\r\nx-evil: 1");
    struct http_message m;
    struct fault fault;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(encode(&t, &arena, &m, &fault), -EINVAL);
    assert_int_equal(fault.kind, FAULT_UPSTREAM_CREDENTIALS);
    arena_clear(&arena);
}

static void encode_out_of_memory(void **state)
{
    struct target t = target_of("openai", "sk-1");

    (void)state;
    for (unsigned n = 1;; n++) {
        struct http_message m;
        struct fault fault;
        struct arena arena;
        arena_init(&arena, 0);
        alloc_fail_at(n);
        int rc = encode(&t, &arena, &m, &fault);
        bool hit = alloc_fail_hit();
        assert_int_equal(rc, hit ? -ENOMEM : OK);
        arena_clear(&arena);
        if (!hit)
            break;
    }
}

/* Every allocation may also be refused by the arena's limit. */
static void encode_over_the_limit(void **state)
{
    struct target t = target_of("openai", "sk-1");
    int rc = -ENOMEM;

    (void)state;
    for (size_t limit = 1; rc != OK && limit < 1 << 20; limit *= 2) {
        struct http_message m;
        struct fault fault;
        struct arena arena;
        arena_init(&arena, limit);
        rc = encode(&t, &arena, &m, &fault);
        assert_true(rc == OK || rc == -ENOMEM);
        arena_clear(&arena);
    }
    assert_int_equal(rc, OK);
}

static void the_state_of_a_stream_is_carried(void **state)
{
    struct openai_chat_stream stream = {0};
    struct event_list list;

    (void)state;
    assert_int_equal(openai_chat_op.state_size, sizeof(stream));
    assert_int_equal(
        openai_chat_op.decode_event(
            &stream, SLICE(""), SLICE("{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}"), &list),
        OK);
    assert_int_equal(list.len, 1);
    assert_int_equal(list.at[0].marks, EVENT_CONTENT);
    assert_true(stream.content_seen);
    assert_int_equal(openai_chat_op.decode_event(&stream, SLICE(""), SLICE("{"), &list), -EBADMSG);
}

/* The marker that a client is sent for a provider that sends none is one to the decoder too. */
static void the_end_marker_is_a_frame_that_ends(void **state)
{
    struct openai_chat_stream stream = {0};
    struct event_list list;
    struct slice line;

    (void)state;
    assert_int_equal(openai_chat_op.finish(&stream, &line), OK);
    assert_true(slice_starts(line, SLICE("data: ")));
    assert_memory_equal(line.at + line.len - 2, "\n\n", 2);
    line = slice_sub(line, 6, line.len - 2);
    assert_int_equal(openai_chat_op.decode_event(&stream, SLICE(""), line, &list), OK);
    assert_int_equal(list.at[0].marks, EVENT_DONE);
}

static void an_event_named_error_is_one(void **state)
{
    struct openai_chat_stream stream = {0};
    struct event_list list;

    (void)state;
    assert_int_equal(openai_chat_op.decode_event(&stream, SLICE("error"), SLICE("gone"), &list),
                     OK);
    assert_int_equal(list.at[0].marks, EVENT_ERROR);
    assert_int_equal(list.at[0].fault.kind, FAULT_UPSTREAM_ERROR);
}

static void classify_passes_no_text_of_a_providers_failure(void **state)
{
    struct headers none = {0};
    struct slice secret = SLICE("{\"error\":{\"message\":\"key sk-1 is bad\"}}");
    struct fault fault;

    (void)state;
    openai_classify(401, &none, secret, &fault);
    assert_true(slice_is_empty(fault.message));
    assert_true(slice_is_empty(fault.upstream_body));
    openai_classify(400, &none, (struct slice){0}, &fault);
    assert_int_equal(fault.kind, FAULT_UPSTREAM_REFUSED);
    assert_true(slice_is_empty(fault.upstream_body));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_adapter_is_found_by_its_name),
        cmocka_unit_test(fallbacks_of_settings),
        cmocka_unit_test(a_key_that_would_break_the_head_is_refused),
        cmocka_unit_test(encode_out_of_memory),
        cmocka_unit_test(encode_over_the_limit),
        cmocka_unit_test(the_state_of_a_stream_is_carried),
        cmocka_unit_test(the_end_marker_is_a_frame_that_ends),
        cmocka_unit_test(an_event_named_error_is_one),
        cmocka_unit_test(classify_passes_no_text_of_a_providers_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
