/* test_catalog_repos.c: providers and models in and out, and the renewal of the file's entries. */

#include "repository/model_repo.h"
#include "repository/provider_repo.h"

#include "store/migrate.h"

#include "support/store_rig.h"
#include "support/alloc_fail.h"

#include <errno.h>
#include <stdio.h>

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

static const struct target_row three_targets[] = {
    {.endpoint = SLICE_INIT("http://10.0.0.7:8000/v1")},
    { .provider = SLICE_INIT("two"),            .upstream_model = SLICE_INIT("other")},
    { .provider = SLICE_INIT("one"),         .sealed_key = SLICE_INIT("\x01\x00\xff")},
};

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

static void put_with_targets(struct store_rig *r, const char *name,
                             const struct target_row *targets, size_t n)
{
    struct model_row row = model_of(name, true);

    row.targets = targets;
    row.targets_len = n;
    row.fallback_on = SLICE("context_length");
    row.keepalive_ms = 15000;
    row.rescue = true;
    row.max_tokens = 64000;
    row.context_window = 200000;
    row.modalities = SLICE("text,image");
    row.cache_ms = 60000;
    row.cache_shared = true;
    assert_int_equal(model_repo_put(r->db, &row), OK);
}

static void assert_targets(const struct model_row *m, const struct target_row *targets, size_t n)
{
    assert_int_equal(m->targets_len, n);
    for (size_t i = 0; i < n; i++) {
        assert_true(slice_eq(m->targets[i].provider, targets[i].provider));
        assert_true(slice_eq(m->targets[i].upstream_model, targets[i].upstream_model));
        assert_true(slice_eq(m->targets[i].endpoint, targets[i].endpoint));
        assert_true(slice_eq(m->targets[i].sealed_key, targets[i].sealed_key));
        assert_true(secret_is_empty(m->targets[i].api_key));
    }
}

static void a_models_targets_come_back_in_their_order(void **state)
{
    struct store_rig *r = *state;
    struct model_row *rows;
    size_t n;

    put_with_targets(r, "z", &three_targets[1], 1);
    put_model(r, "m", false);
    put_with_targets(r, "a", three_targets, 3);
    put_with_targets(r, "B", &three_targets[2], 1); /* in the order of bytes, as everything */
    assert_int_equal(model_repo_list(r->db, &r->arena, &rows, &n), OK);
    assert_int_equal(n, 4);
    assert_targets(&rows[0], &three_targets[2], 1);
    assert_targets(&rows[1], three_targets, 3);
    assert_targets(&rows[2], NULL, 0);
    assert_targets(&rows[3], &three_targets[1], 1);
    assert_true(slice_eq(rows[1].fallback_on, SLICE("context_length")));
    assert_int_equal(rows[1].keepalive_ms, 15000);
    assert_true(rows[1].rescue);
    assert_int_equal(rows[1].max_tokens, 64000);
    assert_int_equal(rows[1].context_window, 200000);
    assert_true(slice_eq(rows[1].modalities, SLICE("text,image")));
    assert_int_equal(rows[1].cache_ms, 60000);
    assert_true(rows[1].cache_shared);
    assert_int_equal(rows[2].fallback_on.len, 0);
    assert_int_equal(rows[2].keepalive_ms, 0);
    assert_false(rows[2].rescue);
    assert_int_equal(rows[2].max_tokens, 0);
    assert_int_equal(rows[2].context_window, 0);
    assert_int_equal(rows[2].modalities.len, 0);
    assert_int_equal(rows[2].cache_ms, 0);
    assert_false(rows[2].cache_shared);
}

static void more_than_nine_targets_keep_their_order(void **state)
{
    struct store_rig *r = *state;
    struct target_row targets[64];
    char names[64][8];
    struct model_row *rows;
    size_t n;

    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        snprintf(names[i], sizeof(names[i]), "p%zu", i);
        targets[i] = (struct target_row){.provider = slice_str(names[i])};
    }
    put_with_targets(r, "a", targets, ARRAY_LEN(targets));
    assert_int_equal(model_repo_list(r->db, &r->arena, &rows, &n), OK);
    assert_targets(&rows[0], targets, ARRAY_LEN(targets));
}

static void a_put_replaces_the_targets(void **state)
{
    struct store_rig *r = *state;
    struct model_row *rows;
    size_t n;

    put_with_targets(r, "a", three_targets, 3);
    put_with_targets(r, "b", three_targets, 2);
    put_with_targets(r, "a", &three_targets[1], 1);
    assert_int_equal(model_repo_list(r->db, &r->arena, &rows, &n), OK);
    assert_targets(&rows[0], &three_targets[1], 1);
    assert_targets(&rows[1], three_targets, 2);
    put_model(r, "a", true);
    assert_int_equal(model_repo_list(r->db, &r->arena, &rows, &n), OK);
    assert_targets(&rows[0], NULL, 0);
    assert_false(rows[0].rescue);
    assert_int_equal(rows[0].max_tokens, 0);
    assert_int_equal(rows[0].context_window, 0);
    assert_int_equal(rows[0].modalities.len, 0);
}

static void targets_go_with_their_model(void **state)
{
    struct store_rig *r = *state;
    struct model_row row = model_of("b", true);

    put_with_targets(r, "a", three_targets, 3);
    put_with_targets(r, "b", three_targets, 2);
    assert_int_equal(repository_begin(r->db), OK);
    assert_int_equal(model_repo_delete(r->db, SLICE("a")), OK);
    row.targets = three_targets;
    row.targets_len = 1;
    assert_int_equal(model_repo_put(r->db, &row), OK);
    assert_int_equal(repository_end(r->db, OK), OK);
    assert_sql(r, "SELECT group_concat(model || position) FROM model_targets", "b1");
}

static void the_catalog_moves_with_targets(void **state)
{
    static const char *const changes[] = {
        "UPDATE model_targets SET endpoint = ''",
        "DELETE FROM model_targets WHERE position = 1",
        "INSERT INTO model_targets VALUES ('a', 1, '', '', '', NULL)",
    };
    struct store_rig *r = *state;

    put_with_targets(r, "a", three_targets, 3);
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        uint64_t version = store_rig_version(r);
        assert_int_equal(db_exec(r->db, changes[i]), OK);
        assert_true(store_rig_version(r) > version);
    }
}

static void out_of_memory_is_told(void **state)
{
    struct store_rig *r = *state;
    struct model_row *rows;
    char name[8];
    size_t len;

    for (unsigned i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "m%u", i);
        put_with_targets(r, name, three_targets, i % 4);
    }
    for (unsigned n = 1;; n++) {
        struct arena arena;
        arena_init(&arena, 0);
        alloc_fail_at(n);
        int rc = model_repo_list(r->db, &arena, &rows, &len);
        bool hit = alloc_fail_hit();
        arena_clear(&arena);
        assert_int_equal(rc, hit ? -ENOMEM : OK);
        if (!hit)
            break;
    }
    assert_int_equal(len, 40);
}

/* --- a database of the first release --- */

static void make_first_release(struct store_rig *r)
{
    static char sql[1 << 16];
    const struct migration first = {"0001_base.sql", sql};
    char why[REPOSITORY_WHY], path[64];

    snprintf(path, sizeof(path), "../sql/%s/0001_base.sql", r->postgres ? "postgres" : "sqlite");
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    sql[fread(sql, 1, sizeof(sql) - 1, file)] = '\0';
    fclose(file);
    repository_close(r->db);
    if (r->postgres) {
        postgres_drop(r->url);
        postgres_make(r->url);
    } else {
        scratch_path(&r->scratch, "sqlite:", "old.db", r->url);
    }
    store_rig_open(r);
    assert_int_equal(migrate_list(r->db, &first, 1, NULL, why), OK);
}

#define OLD_MODEL(key)                                                                             \
    "INSERT INTO models VALUES ('old', 'one', 'upstream', 'http://h/v1', " key                     \
    ", 60000, 0, 'b,c', '2026-01-31T12:00:00.000Z', 1)"

static void models_of_the_first_release_stay_as_they_were(void **state)
{
    struct store_rig *r = *state;
    char why[REPOSITORY_WHY];
    struct model_row *rows;
    size_t n;

    make_first_release(r);
    assert_int_equal(
        db_exec(r->db, r->postgres ? OLD_MODEL("'\\x0100ff'") : OLD_MODEL("x'0100ff'")), OK);
    assert_int_equal(repository_migrate(r->db, NULL, why), OK);
    assert_int_equal(model_repo_list(r->db, &r->arena, &rows, &n), OK);
    assert_int_equal(n, 1);
    assert_true(slice_eq(rows[0].name, SLICE("old")));
    assert_true(slice_eq(rows[0].sealed_key, SLICE("\x01\x00\xff")));
    assert_true(slice_eq(rows[0].fallback, SLICE("b,c")));
    assert_int_equal(rows[0].retries, 0);
    assert_int_equal(rows[0].created_wall_us, noon);
    assert_true(rows[0].from_file);
    assert_int_equal(rows[0].fallback_on.len, 0);
    assert_int_equal(rows[0].keepalive_ms, 0);
    assert_false(rows[0].rescue);
    assert_int_equal(rows[0].targets_len, 0);
    assert_int_equal(rows[0].max_tokens, 0);
    assert_int_equal(rows[0].context_window, 0);
    assert_int_equal(rows[0].modalities.len, 0);
    assert_int_equal(rows[0].cache_ms, 0);
    assert_false(rows[0].cache_shared);
    put_with_targets(r, "old", three_targets, 3);
    assert_int_equal(model_repo_list(r->db, &r->arena, &rows, &n), OK);
    assert_targets(&rows[0], three_targets, 3);
    assert_true(rows[0].rescue);
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
    assert_sql(r,
               "SELECT created_at FROM models WHERE retries = 0 AND from_file = 1 AND "
               "sealed_key IS NULL",
               "2026-01-31T12:00:00.000Z");
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
        STORE_TEST(a_models_targets_come_back_in_their_order),
        STORE_TEST(more_than_nine_targets_keep_their_order),
        STORE_TEST(a_put_replaces_the_targets),
        STORE_TEST(targets_go_with_their_model),
        STORE_TEST(the_catalog_moves_with_targets),
        STORE_TEST(out_of_memory_is_told),
        STORE_TEST(models_of_the_first_release_stay_as_they_were),
        STORE_TEST(a_put_replaces_all_but_the_birth),
        STORE_TEST(the_catalog_moves_with_providers_and_models),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
