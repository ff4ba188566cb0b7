/* test_catalog_writer.c: lists of models in both dialects: nothing, odd names, no memory. */

#include "wire/catalog_writer.h"

#include "support/alloc_fail.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static void assert_written(struct slice got, const char *wanted)
{
    if (!slice_eq(got, slice_str(wanted)))
        fail_msg("%.*s", SLICE_FMT(got));
}

static void an_empty_list_is_one(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 0);
    assert_written(catalog_write_list(NULL, 0, &a), "{\"object\":\"list\",\"data\":[]}");
    assert_written(catalog_write_page(NULL, 0, false, &a),
                   "{\"data\":[],\"has_more\":false,\"first_id\":null,\"last_id\":null}");
    arena_clear(&a);
}

static void names_are_escaped(void **state)
{
    const struct catalog_entry odd = {
        .name = SLICE("a\"b\\"), .owned_by = SLICE("\"p\""), .modalities = SLICE("te\"xt")};
    struct arena a;

    (void)state;
    arena_init(&a, 0);
    assert_written(catalog_write_model(DIALECT_CHAT, &odd, &a),
                   "{\"id\":\"a\\\"b\\\\\",\"object\":\"model\",\"created\":0,"
                   "\"owned_by\":\"\\\"p\\\"\",\"modalities\":[\"te\\\"xt\"]}");
    assert_written(catalog_write_page(&odd, 1, true, &a),
                   "{\"data\":[{\"type\":\"model\",\"id\":\"a\\\"b\\\\\",\"display_name\":"
                   "\"a\\\"b\\\\\",\"created_at\":\"1970-01-01T00:00:00.000Z\",\"lifecycle\":"
                   "\"active\"}],\"has_more\":true,\"first_id\":\"a\\\"b\\\\\",\"last_id\":"
                   "\"a\\\"b\\\\\"}");
    arena_clear(&a);
}

static void what_is_known_is_told(void **state)
{
    const struct catalog_entry m = {.name = SLICE("m"),
                                    .owned_by = SLICE("p"),
                                    .created_wall_us = 1700000000999999,
                                    .context_window = 200000,
                                    .modalities = SLICE("text,image,file")};
    struct arena a;

    (void)state;
    arena_init(&a, 0);
    assert_written(catalog_write_model(DIALECT_CHAT, &m, &a),
                   "{\"id\":\"m\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"p\","
                   "\"context_window\":200000,\"modalities\":[\"text\",\"image\",\"file\"]}");
    assert_written(catalog_write_model(DIALECT_MESSAGES, &m, &a),
                   "{\"type\":\"model\",\"id\":\"m\",\"display_name\":\"m\",\"created_at\":"
                   "\"2023-11-14T22:13:20.999Z\",\"lifecycle\":\"active\",\"max_input_tokens\":"
                   "200000}");
    arena_clear(&a);
}

static struct slice write_list(const struct catalog_entry *models, size_t n, struct arena *a)
{
    return catalog_write_list(models, n, a);
}

static struct slice write_page(const struct catalog_entry *models, size_t n, struct arena *a)
{
    return catalog_write_page(models, n, true, a);
}

static void out_of_memory_is_no_list(void **state)
{
    struct slice (*const writers[])(const struct catalog_entry *, size_t,
                                    struct arena *) = {write_list, write_page};
    struct catalog_entry models[200];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(models); i++)
        models[i] = (struct catalog_entry){.name = SLICE("a name of some length"),
                                           .owned_by = SLICE("p"),
                                           .modalities = SLICE("text")};
    for (size_t w = 0; w < ARRAY_LEN(writers); w++)
        for (unsigned n = 1;; n++) {
            struct arena a;
            arena_init(&a, 0);
            alloc_fail_at(n);
            struct slice got = writers[w](models, ARRAY_LEN(models), &a);
            bool hit = alloc_fail_hit();
            alloc_fail_at(0);
            assert_true(hit == !got.at);
            arena_clear(&a);
            if (!hit)
                break;
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_list_is_one),
        cmocka_unit_test(names_are_escaped),
        cmocka_unit_test(what_is_known_is_told),
        cmocka_unit_test(out_of_memory_is_no_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
