/* test_catalog_repos.c: providers and models in and out, and the renewal of the file's entries. */

#include "repository/model_repo.h"
#include "repository/provider_repo.h"

#include "store_rig.h"

static const uint64_t noon = 1769860800000000; /* 2026-01-31T12:00:00Z */

static struct provider_row provider_of(const char *name, bool from_file)
{
    return (struct provider_row){.name = slice_str(name),
                                 .type = SLICE("openai"),
                                 .base_url = SLICE("https://example.test/v1"),
                                 .sealed_key = SLICE("\x01\x00\xff sealed"),
                                 .from_file = from_file};
}

static struct model_row model_of(const char *name, bool from_file)
{
    return (struct model_row){.name = slice_str(name),
                              .provider = SLICE("one"),
                              .upstream_model = SLICE("upstream"),
                              .endpoint = SLICE("http://10.0.0.6:8000/v1"),
                              .sealed_key = SLICE("sealed"),
                              .timeout_ms = 60000,
                              .retries = 2,
                              .fallback = SLICE("b,c"),
                              .created_wall_us = noon,
                              .from_file = from_file};
}

static void put_provider(struct store_rig *r, const char *name, bool from_file)
{
    struct provider_row row = provider_of(name, from_file);

    assert_int_equal(provider_repo_put(r->db, &row, noon), OK);
}

static void put_model(struct store_rig *r, const char *name, bool from_file)
{
    struct model_row row = model_of(name, from_file);

    assert_int_equal(model_repo_put(r->db, &row), OK);
}

static void a_provider_comes_back_as_it_was(void **state)
{
    struct store_rig *r = *state;
    struct provider_row *rows, bare = {.name = SLICE("bare"), .type = SLICE("openai")};
    size_t n;

    put_provider(r, "one", true);
    assert_int_equal(provider_repo_put(r->db, &bare, noon), OK);
    assert_int_equal(provider_repo_list(r->db, &r->arena, &rows, &n), OK);
    assert_int_equal(n, 2);
    assert_true(slice_eq(rows[0].name, SLICE("bare")));
    assert_int_equal(rows[0].base_url.len, 0);
    assert_int_equal(rows[0].sealed_key.len, 0);
    struct provider_row one = provider_of("one", true);
    assert_true(slice_eq(rows[1].name, one.name));
    assert_true(slice_eq(rows[1].type, one.type));
    assert_true(slice_eq(rows[1].base_url, one.base_url));
    assert_true(slice_eq(rows[1].sealed_key, one.sealed_key));
    assert_true(secret_is_empty(rows[1].api_key));
    assert_true(rows[1].from_file);
}

static void a_model_comes_back_as_it_was(void **state)
{
    struct store_rig *r = *state;
    struct model_row *rows, one = model_of("a", false);
    size_t n;

    put_model(r, "b", true);
    put_model(r, "a", false);
    assert_int_equal(model_repo_list(r->db, &r->arena, &rows, &n), OK);
    assert_int_equal(n, 2);
    assert_true(slice_eq(rows[0].name, one.name));
    assert_true(slice_eq(rows[0].provider, one.provider));
    assert_true(slice_eq(rows[0].upstream_model, one.upstream_model));
    assert_true(slice_eq(rows[0].endpoint, one.endpoint));
    assert_true(slice_eq(rows[0].sealed_key, one.sealed_key));
    assert_true(slice_eq(rows[0].fallback, one.fallback));
    assert_int_equal(rows[0].timeout_ms, 60000);
    assert_int_equal(rows[0].retries, 2);
    assert_int_equal(rows[0].created_wall_us, noon);
    assert_false(rows[0].from_file);
    assert_true(rows[1].from_file);
}

static void a_put_replaces_all_but_the_birth(void **state)
{
    struct store_rig *r = *state;
    struct model_row row = model_of("a", true);

    put_model(r, "a", false);
    row.created_wall_us = noon + 1000000;
    row.sealed_key = (struct slice){0};
    row.retries = 0;
    assert_int_equal(model_repo_put(r->db, &row), OK);
    assert_sql(r, "SELECT created_at || retries || from_file || (sealed_key IS NULL) FROM models",
               "2026-01-31T12:00:00.000Z011");
}

static void renewal_drops_what_the_file_no_longer_says(void **state)
{
    struct store_rig *r = *state;

    put_provider(r, "kept", true);
    put_provider(r, "gone", true);
    put_provider(r, "made", false);
    put_model(r, "kept", true);
    put_model(r, "gone", true);
    put_model(r, "made", false);
    assert_int_equal(repository_begin(r->db), OK);
    assert_int_equal(provider_repo_mark_from_file(r->db), OK);
    assert_int_equal(model_repo_mark_from_file(r->db), OK);
    put_provider(r, "kept", true);
    put_model(r, "kept", true);
    assert_int_equal(provider_repo_drop_marked(r->db), OK);
    assert_int_equal(model_repo_drop_marked(r->db), OK);
    assert_int_equal(repository_end(r->db, OK), OK);
    assert_sql(r,
               "SELECT group_concat(name || from_file) FROM (SELECT * FROM providers "
               "ORDER BY name)",
               "kept1,made0");
    assert_sql(r,
               "SELECT group_concat(name || from_file) FROM (SELECT * FROM models ORDER BY name)",
               "kept1,made0");
}

static void the_catalog_moves_with_providers_and_models(void **state)
{
    struct store_rig *r = *state;
    uint64_t version = store_rig_version(r);

    put_provider(r, "one", true);
    assert_true(store_rig_version(r) > version);
    version = store_rig_version(r);
    put_model(r, "a", true);
    assert_true(store_rig_version(r) > version);
    version = store_rig_version(r);
    assert_int_equal(db_exec(r->db, "DELETE FROM models"), OK);
    assert_true(store_rig_version(r) > version);
    version = store_rig_version(r);
    assert_int_equal(db_exec(r->db, "UPDATE providers SET type = 'vllm'"), OK);
    assert_true(store_rig_version(r) > version);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_provider_comes_back_as_it_was),
        STORE_TEST(a_model_comes_back_as_it_was),
        STORE_TEST(a_put_replaces_all_but_the_birth),
        STORE_TEST(renewal_drops_what_the_file_no_longer_says),
        STORE_TEST(the_catalog_moves_with_providers_and_models),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
