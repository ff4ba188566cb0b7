/* test_entry_reader.c: objects of the admin API, read by their tables and written again. */

#include "wire/admin_json.h"
#include "wire/entry_reader.h"

#include "support/alloc_fail.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

struct fixture {
    struct arena arena;
    struct entry_ask ask;
    struct fault fault;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    arena_init(&f->arena, 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    arena_clear(&f->arena);
    free(f);
    return 0;
}

static bool read(struct fixture *f, const struct entry_form *form, bool making, const char *text)
{
    /* a copy of its own: reading past the end is seen */
    size_t len = strlen(text);
    char *copy = malloc(len + 1);

    memcpy(copy, text, len);
    f->ask = (struct entry_ask){.making = making};
    f->fault = (struct fault){.kind = FAULT_NONE};
    struct slice body = arena_copy(&f->arena, slice_of(copy, len));
    free(copy);
    return entry_read(form, body, &f->arena, &f->ask, &f->fault);
}

static void assert_refused(struct fixture *f, const struct entry_form *form, bool making,
                           const char *text, enum fault_kind kind, const char *param)
{
    assert_false(read(f, form, making, text));
    assert_int_equal(f->fault.kind, kind);
    assert_true(slice_eq(f->fault.param, slice_str(param)));
}

#define WHOLE_KEY                                                                                  \
    "{\"user_id\":7,\"name\":\"caf\\u00e9 \\ud83d\\ude00\",\"status\":\"disabled\",\"admin\":"     \
    "true,\"rpm\":60,\"tpm\":2000000000,\"concurrency\":3,\"models\":[\"a\",\"b\\/c\"],"           \
    "\"expires_at\":\"2030-01-31T12:00:00Z\",\"model_limits\":{\"a\":{\"rpm\":1},\"b\":{\"tpm\":"  \
    "2,\"concurrency\":null}}}"

static void a_key_is_read_whole(void **state)
{
    struct fixture *f = *state;

    assert_true(read(f, &admin_key_form, true, WHOLE_KEY));
    const struct key_row *key = f->ask.change.row;
    assert_int_equal(key->user_id, 7);
    assert_true(slice_eq(key->name, SLICE("caf\xc3\xa9 \xf0\x9f\x98\x80")));
    assert_true(key->disabled && key->admin);
    assert_int_equal(key->rpm, 60);
    assert_int_equal(key->tpm, 2000000000);
    assert_int_equal(key->concurrency, 3);
    assert_true(slice_eq(key->models, SLICE("a,b/c")));
    assert_int_equal(key->expires_wall_us, 1896091200000000);
    assert_true(slice_eq(key->model_limits, SLICE("1/0/0/a,0/2/0/b")));
    assert_int_equal(f->ask.change.given_len, 10);
    assert_true(row_change_has(&f->ask.change, offsetof(struct key_row, rpm)));
    assert_false(row_change_has(&f->ask.change, offsetof(struct key_row, hash)));
}

static void null_is_the_default(void **state)
{
    struct fixture *f = *state;

    assert_true(read(f, &admin_key_form, false,
                     "{\"rpm\":null,\"models\":null,\"status\":null,\"version\":9}"));
    const struct key_row *key = f->ask.change.row;
    assert_int_equal(f->ask.version, 9);
    assert_int_equal(f->ask.change.given_len, 3);
    assert_int_equal(key->rpm, 0);
    assert_false(key->disabled);
    assert_true(read(f, &admin_model_form, false, "{\"retries\":null,\"targets\":null}"));
    assert_int_equal(((const struct model_row *)f->ask.change.row)->retries, 1);
}

static void what_is_wrong_is_named(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, &admin_key_form, true, "{}", FAULT_MISSING_MEMBER, "user_id");
    assert_refused(f, &admin_key_form, false, "{\"user_id\":1}", FAULT_UNKNOWN_MEMBER, "user_id");
    assert_refused(f, &admin_key_form, true, "{\"user_id\":1,\"version\":1}", FAULT_UNKNOWN_MEMBER,
                   "version");
    assert_refused(f, &admin_key_form, false, "{\"r\\u0070m\":1,\"rpm\":1}", FAULT_DUPLICATE_MEMBER,
                   "rpm");
    assert_refused(f, &admin_key_form, false, "{\"rpm\":1e3}", FAULT_INVALID_VALUE, "rpm");
    assert_refused(f, &admin_key_form, false, "{\"rpm\":[]}", FAULT_WRONG_TYPE, "rpm");
    assert_refused(f, &admin_key_form, false, "{\"models\":[\"a\",null]}", FAULT_INVALID_VALUE,
                   "models");
    assert_refused(f, &admin_key_form, false, "{\"model_limits\":{\"a\":{},\"a\":{}}}",
                   FAULT_DUPLICATE_MEMBER, "model_limits.a");
    assert_refused(f, &admin_key_form, false, "{\"model_limits\":{\"a\":{\"rpm\":1,\"rpm\":1}}}",
                   FAULT_DUPLICATE_MEMBER, "model_limits.a.rpm");
    assert_refused(f, &admin_model_form, false, "{\"targets\":[{},{\"endpoint\":\"x\"}]}",
                   FAULT_INVALID_VALUE, "targets[1].endpoint");
    assert_refused(f, &admin_key_form, false, "[1]", FAULT_INVALID_JSON, "");
    assert_refused(f, &admin_key_form, false, "", FAULT_INVALID_JSON, "");
}

/* {"NAME":"VALUEhhhh…"}, the text of so many characters */
static const char *object_of(struct fixture *f, const char *name, const char *value, size_t n)
{
    char *text = arena_alloc(&f->arena, n + 1);

    memset(text, 'h', n);
    text[n] = '\0';
    memcpy(text, value, strlen(value));
    return arena_printf(&f->arena, "{\"%s\":\"%s\"}", name, text).at;
}

static void a_text_has_a_limit(void **state)
{
    struct fixture *f = *state;
    const size_t most = 64 * 1024;

    assert_true(read(f, &admin_provider_form, false, object_of(f, "api_key", "", most)));
    assert_refused(f, &admin_provider_form, false, object_of(f, "api_key", "", most + 1),
                   FAULT_INVALID_VALUE, "api_key");
    assert_true(slice_find(f->fault.message, SLICE("64 KB")) < f->fault.message.len);
    assert_refused(f, &admin_provider_form, false, object_of(f, "base_url", "http://h/", most + 1),
                   FAULT_INVALID_VALUE, "base_url");
    assert_refused(f, &admin_model_form, false, object_of(f, "endpoint", "http://h/", most + 1),
                   FAULT_INVALID_VALUE, "endpoint");
}

static void a_secret_is_never_repeated(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, &admin_provider_form, false, "{\"api_key\":\"sk-top secret\"}",
                   FAULT_INVALID_VALUE, "api_key");
    assert_int_equal(slice_find(f->fault.message, SLICE("top")), f->fault.message.len);
    assert_refused(f, &admin_provider_form, false, "{\"api_key\":[\"sk-top\"]}", FAULT_WRONG_TYPE,
                   "api_key");
    assert_int_equal(slice_find(f->fault.message, SLICE("top")), f->fault.message.len);
}

static void a_text_cut_at_every_byte_is_refused(void **state)
{
    struct fixture *f = *state;
    char text[] = WHOLE_KEY;

    for (size_t n = sizeof(WHOLE_KEY) - 2; n > 0; n--) {
        text[n] = '\0';
        assert_refused(f, &admin_key_form, true, text, FAULT_INVALID_JSON, "");
    }
}

static void any_byte_may_be_another(void **state)
{
    struct fixture *f = *state;
    static const char others[] = "\"\\{}[]:,0n \x01\xff";

    for (size_t i = 0; i < sizeof(WHOLE_KEY) - 1; i++)
        for (const char *other = others; *other; other++) {
            char text[] = WHOLE_KEY;
            text[i] = *other;
            if (!read(f, &admin_key_form, true, text))
                assert_int_not_equal(f->fault.kind, FAULT_NONE);
        }
}

static void out_of_memory_is_told(void **state)
{
    struct fixture *f = *state;

    (void)f;
    for (unsigned n = 1;; n++) {
        struct entry_ask ask = {.making = true};
        struct fault fault = {.kind = FAULT_NONE};
        struct arena arena;
        arena_init(&arena, 0);
        alloc_fail_at(n);
        bool good = entry_read(&admin_key_form, SLICE(WHOLE_KEY), &arena, &ask, &fault);
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        arena_clear(&arena);
        if (!hit) {
            assert_true(good);
            break;
        }
        assert_false(good);
        assert_int_equal(fault.kind, FAULT_INTERNAL);
    }
}

static void a_version_alone(void **state)
{
    struct fixture *f = *state;
    uint64_t version = 7;

    assert_true(entry_read_version(SLICE(""), &f->arena, &version, &f->fault));
    assert_int_equal(version, 0);
    assert_true(entry_read_version(SLICE("{\"version\":3}"), &f->arena, &version, &f->fault));
    assert_int_equal(version, 3);
    assert_false(entry_read_version(SLICE("{\"version\":0}"), &f->arena, &version, &f->fault));
    assert_false(entry_read_version(SLICE("{\"name\":1}"), &f->arena, &version, &f->fault));
    assert_true(slice_eq(f->fault.param, SLICE("name")));
}

/* --- and written --- */

static void assert_written(struct slice got, const char *expected)
{
    assert_non_null(got.at);
    assert_int_equal(got.len, strlen(expected));
    assert_memory_equal(got.at, expected, got.len);
}

static void objects_are_written(void **state)
{
    struct fixture *f = *state;
    struct user_row user = {.id = 3,
                            .name = SLICE("a\"b"),
                            .disabled = true,
                            .version = 2,
                            .created_wall_us = 1700000000500000};
    struct provider_row provider = {.name = SLICE("p"),
                                    .type = SLICE("t"),
                                    .sealed_key = SLICE("sealed"),
                                    .api_key = secret_of(SLICE("sk-never")),
                                    .version = 1,
                                    .created_wall_us = 1700000000500000,
                                    .updated_wall_us = 1700000001000000,
                                    .from_file = true};

    assert_written(admin_user_json(&user, &f->arena),
                   "{\"id\":3,\"name\":\"a\\\"b\",\"status\":\"disabled\",\"deleted_at\":null,"
                   "\"version\":2,\"created_at\":\"2023-11-14T22:13:20.500Z\","
                   "\"updated_at\":\"2023-11-14T22:13:20.500Z\"}");
    assert_written(admin_provider_json(&provider, &f->arena),
                   "{\"name\":\"p\",\"type\":\"t\",\"base_url\":null,\"api_key_set\":true,"
                   "\"source\":\"file\",\"version\":1,\"created_at\":\"2023-11-14T22:13:20.500Z\","
                   "\"updated_at\":\"2023-11-14T22:13:21.000Z\"}");
}

static void a_page_is_written_or_memory_is_out(void **state)
{
    const struct user_row rows[] = {
        {.id = 1, .name = SLICE_INIT("a"), .version = 1},
        {.id = 2, .name = SLICE_INIT("b"), .version = 1},
    };
    const struct admin_rows page = {rows, 2, sizeof(rows[0]), SLICE_INIT("ff")};

    (void)state;
    for (unsigned n = 1;; n++) {
        struct arena arena;
        arena_init(&arena, 0);
        alloc_fail_at(n);
        struct slice text = admin_page_json(&page, admin_user_json, &arena);
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        if (!hit) {
            assert_true(slice_starts(text, SLICE("{\"data\":[{\"id\":1,")));
            assert_true(slice_find(text, SLICE("}],\"next\":\"ff\"}")) < text.len);
        } else {
            assert_null(text.at);
        }
        arena_clear(&arena);
        if (!hit)
            break;
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_is_read_whole),
        TEST(null_is_the_default),
        TEST(what_is_wrong_is_named),
        TEST(a_text_has_a_limit),
        TEST(a_secret_is_never_repeated),
        TEST(a_text_cut_at_every_byte_is_refused),
        TEST(any_byte_may_be_another),
        TEST(out_of_memory_is_told),
        TEST(a_version_alone),
        TEST(objects_are_written),
        TEST(a_page_is_written_or_memory_is_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
