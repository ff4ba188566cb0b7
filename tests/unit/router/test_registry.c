/* test_registry.c: rows become models and targets; wrong ones are left out and told. */

#include "router/registry.h"

#include "http/client.h"

#include "support/alloc_fail.h"

#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

struct fixture {
    struct registry *registry;
    struct registry_fault *faults;
    size_t faults_len;
    struct arena arena;
};

static struct provider_row providers[3];

static struct provider_row provider_of(const char *name, const char *type, const char *base_url)
{
    return (struct provider_row){
        .name = slice_str(name), .type = slice_str(type), .base_url = slice_str(base_url)};
}

static struct model_row model_of(const char *name, const char *provider)
{
    return (struct model_row){.name = slice_str(name), .provider = slice_str(provider)};
}

static struct model_row model_at(const char *name, const char *provider, const char *endpoint)
{
    struct model_row m = model_of(name, provider);

    m.endpoint = slice_str(endpoint);
    return m;
}

static struct model_row model_falling_back(const char *name, const char *fallback)
{
    struct model_row m = model_of(name, "box");

    m.fallback = slice_str(fallback);
    return m;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    arena_init(&f->arena, 0);
    providers[0] = provider_of("openai", "openai", "");
    providers[0].api_key = secret_of(SLICE("sk-openai"));
    providers[1] = provider_of("box", "vllm", "http://10.0.0.5:8000/v1/");
    providers[2] = provider_of("v6", "openai_compatible", "https://[::1]:8443");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    registry_free(f->registry);
    arena_clear(&f->arena);
    free(f);
    return 0;
}

static int build(struct fixture *f, const struct model_row *models, size_t n)
{
    struct registry_rows rows = {providers, ARRAY_LEN(providers), models, n};

    registry_free(f->registry);
    return registry_new(&rows, &f->arena, &f->registry, &f->faults, &f->faults_len);
}

static const struct target *target_of(struct fixture *f, const char *model)
{
    const struct registry_model *m = registry_find(f->registry, slice_str(model));

    assert_non_null(m);
    assert_int_equal(m->targets_len, 1);
    return m->targets;
}

#define assert_slice(s, z) assert_true(slice_eq((s), slice_str(z)))

static void a_model_inherits_from_its_provider(void **state)
{
    struct fixture *f = *state;
    struct model_row model = model_of("gpt-4o", "openai");

    model.timeout_ms = 60000;
    model.retries = 1;
    model.created_wall_us = 5;
    assert_int_equal(build(f, &model, 1), OK);
    assert_int_equal(f->faults_len, 0);
    const struct registry_model *m = registry_find(f->registry, SLICE("gpt-4o"));
    assert_slice(m->owned_by, "openai");
    assert_int_equal(m->created_wall_us, 5);
    assert_int_equal(m->fallback_len, 0);
    const struct target *t = target_of(f, "gpt-4o");
    assert_slice(t->model, "gpt-4o");
    assert_slice(t->upstream_model, "gpt-4o");
    assert_slice(t->provider, "openai");
    assert_slice(t->origin->key, "https://api.openai.com:443");
    assert_int_equal(t->origin->hash, slice_hash(t->origin->key));
    assert_slice(t->origin->host, "api.openai.com");
    assert_int_equal(t->origin->host.at[t->origin->host.len], '\0');
    assert_true(t->origin->tls);
    assert_int_equal(t->origin->port, 443);
    assert_slice(t->authority, "api.openai.com");
    assert_slice(t->base_path, "/v1");
    assert_slice(secret_reveal(t->api_key), "sk-openai");
    assert_int_equal(t->timeout_ms, 60000);
    assert_int_equal(t->retries, 1);
    assert_non_null(t->adapter);
}

static void a_model_may_say_otherwise(void **state)
{
    struct fixture *f = *state;
    struct model_row models[] = {model_at("a", "openai", "http://10.0.0.6:8000/x/v1"),
                                 model_of("b", "box"), model_of("c", "v6")};

    models[0].upstream_model = SLICE("Qwen/Qwen2.5");
    models[0].api_key = secret_of(SLICE("sk-own"));
    assert_int_equal(build(f, models, 3), OK);
    const struct target *t = target_of(f, "a");
    assert_slice(t->origin->key, "http://10.0.0.6:8000");
    assert_slice(t->authority, "10.0.0.6:8000");
    assert_slice(t->base_path, "/x/v1");
    assert_slice(t->upstream_model, "Qwen/Qwen2.5");
    assert_slice(secret_reveal(t->api_key), "sk-own");
    assert_false(t->origin->tls);
    t = target_of(f, "b");
    assert_slice(t->base_path, "/v1");
    assert_true(secret_is_empty(t->api_key));
    t = target_of(f, "c");
    assert_slice(t->origin->key, "https://[::1]:8443");
    assert_slice(t->origin->host, "::1");
    assert_slice(t->base_path, "");
}

static void a_query_goes_with_every_request(void **state)
{
    struct fixture *f = *state;
    struct model_row models[] = {model_at("a", "box", "https://h?api-version=1"),
                                 model_at("b", "box", "https://h?api-version=2"),
                                 model_at("c", "box", "https://h")};

    assert_int_equal(build(f, models, 3), OK);
    const struct target *a = target_of(f, "a"), *b = target_of(f, "b"), *c = target_of(f, "c");
    assert_slice(a->query, "api-version=1");
    assert_slice(a->base_path, "");
    assert_slice(a->authority, "h");
    assert_slice(b->query, "api-version=2");
    assert_slice(c->query, "");
}

static void models_are_listed_by_name(void **state)
{
    struct fixture *f = *state;
    struct model_row models[] = {model_of("b", "box"), model_of("abc", "box"),
                                 model_of("ab", "box")};
    size_t n;

    assert_int_equal(build(f, models, 3), OK);
    const struct registry_model *const *all = registry_models(f->registry, &n);
    assert_int_equal(n, 3);
    assert_slice(all[0]->name, "ab");
    assert_slice(all[1]->name, "abc");
    assert_slice(all[2]->name, "b");
    assert_null(registry_find(f->registry, SLICE("a")));
    assert_int_equal(build(f, NULL, 0), OK);
    registry_models(f->registry, &n);
    assert_int_equal(n, 0);
}

static void wrong_rows_are_left_out_and_told(void **state)
{
    struct fixture *f = *state;
    struct provider_row wrong[] = {
        provider_of("x", "telepathy", ""),          provider_of("bare", "openai_compatible", ""),
        provider_of("bare", "openai", ""),          provider_of("", "openai", ""),
        provider_of("odd", "openai", "ftp://host"),
    };
    struct model_row models[] = {
        model_of("lost", "nowhere"),
        model_of("homeless", "bare"),
        model_of("odd", "odd"),
        model_of("", "bare"),
        model_at("good", "bare", "http://h/v1"),
        model_at("good", "bare", "http://i/v1"),
    };
    static const char *const told[] = {
        "provider x: there is no type telepathy",
        "provider bare: it is there twice",
        "a provider has no name",
        "model lost: its provider nowhere is not there",
        "model homeless: its provider bare has no base_url and type openai_compatible",
        "model odd: ftp://host is no URL of a provider: ",
        "a model has no name",
        "model good: it is there twice",
    };
    struct registry_rows rows = {wrong, ARRAY_LEN(wrong), models, ARRAY_LEN(models)};
    size_t n;

    assert_int_equal(registry_new(&rows, &f->arena, &f->registry, &f->faults, &f->faults_len), OK);
    assert_int_equal(f->faults_len, ARRAY_LEN(told));
    for (size_t i = 0; i < ARRAY_LEN(told); i++)
        assert_true(slice_starts(f->faults[i].what, slice_str(told[i])));
    registry_models(f->registry, &n);
    assert_int_equal(n, 1);
    assert_slice(target_of(f, "good")->origin->host, "h");
}

static void fallbacks_are_models_that_exist(void **state)
{
    struct fixture *f = *state;
    struct model_row models[] = {
        model_falling_back("a", "b, c,nobody,,a"),
        model_falling_back("b", "a"),
        model_falling_back("c", " , "),
    };

    assert_int_equal(build(f, models, 3), OK);
    assert_int_equal(f->faults_len, 1);
    assert_slice(f->faults[0].what, "model a: its fallback nobody is not there");
    const struct registry_model *a = registry_find(f->registry, SLICE("a"));
    assert_int_equal(a->fallback_len, 3);
    assert_slice(a->fallback[0]->name, "b");
    assert_slice(a->fallback[1]->name, "c");
    assert_ptr_equal(a->fallback[2], a);
    assert_int_equal(registry_find(f->registry, SLICE("b"))->fallback_len, 1);
    assert_int_equal(registry_find(f->registry, SLICE("c"))->fallback_len, 0);
}

/* --- several targets --- */

static struct target_row target_at(const char *provider, const char *endpoint, const char *key)
{
    return (struct target_row){.provider = slice_str(provider),
                               .endpoint = slice_str(endpoint),
                               .api_key = secret_of(slice_str(key))};
}

static struct model_row model_with(const char *provider, const struct target_row *targets, size_t n)
{
    struct model_row m = model_of("m", provider);

    m.targets = targets;
    m.targets_len = n;
    return m;
}

static const struct registry_model *found(struct fixture *f)
{
    const struct registry_model *m = registry_find(f->registry, SLICE("m"));

    assert_non_null(m);
    return m;
}

static void targets_inherit_from_the_model(void **state)
{
    struct fixture *f = *state;
    struct target_row rows[] = {target_at("", "http://10.0.0.7:8000/v1", ""),
                                target_at("", "", "sk-second"), target_at("openai", "", "")};
    struct model_row model = model_with("box", rows, 3);

    rows[1].upstream_model = SLICE("other");
    model.upstream_model = SLICE("Llama");
    model.endpoint = SLICE("http://10.0.0.6:8000/v1");
    model.api_key = secret_of(SLICE("sk-model"));
    model.timeout_ms = 5000;
    model.retries = 3;
    assert_int_equal(build(f, &model, 1), OK);
    assert_int_equal(f->faults_len, 0);
    assert_int_equal(found(f)->targets_len, 3);
    assert_slice(found(f)->owned_by, "box");
    const struct target *t = found(f)->targets;
    assert_slice(t[0].origin->key, "http://10.0.0.7:8000");
    assert_slice(t[0].upstream_model, "Llama");
    assert_slice(secret_reveal(t[0].api_key), "sk-model");
    assert_slice(t[1].origin->key, "http://10.0.0.6:8000");
    assert_slice(t[1].upstream_model, "other");
    assert_slice(secret_reveal(t[1].api_key), "sk-second");
    for (size_t i = 0; i < 3; i++) {
        assert_slice(t[i].model, "m");
        assert_int_equal(t[i].timeout_ms, 5000);
        assert_int_equal(t[i].retries, 3);
    }
}

/* The model's key is for the model's provider. */
static void no_key_goes_to_another_provider(void **state)
{
    struct fixture *f = *state;
    struct target_row rows[] = {target_at("openai", "", ""), target_at("v6", "", "")};
    struct model_row model = model_with("box", rows, 2);

    model.endpoint = SLICE("http://10.0.0.6:8000/v1");
    model.api_key = secret_of(SLICE("sk-model"));
    assert_int_equal(build(f, &model, 1), OK);
    const struct target *t = found(f)->targets;
    assert_slice(t[0].provider, "openai");
    assert_slice(t[0].origin->host, "api.openai.com");
    assert_slice(secret_reveal(t[0].api_key), "sk-openai");
    assert_slice(t[1].origin->host, "::1");
    assert_true(secret_is_empty(t[1].api_key));
}

static void a_model_may_leave_the_provider_to_its_targets(void **state)
{
    struct fixture *f = *state;
    struct target_row rows[] = {target_at("openai", "", ""), target_at("box", "", "")};
    struct model_row model = model_with("", rows, 2);

    model.api_key = secret_of(SLICE("sk-model"));
    assert_int_equal(build(f, &model, 1), OK);
    assert_slice(found(f)->owned_by, "openai");
    for (size_t i = 0; i < 2; i++)
        assert_slice(secret_reveal(found(f)->targets[i].api_key), "sk-model");
}

static void wrong_targets_are_left_out_and_told(void **state)
{
    struct fixture *f = *state;
    struct target_row rows[] = {target_at("nowhere", "", ""), target_at("box", "", ""),
                                target_at("", "", ""), target_at("box", "nothing", ""),
                                target_at("box", "http://10.0.0.5:8000/v1/", "")};
    static const char *const told[] = {
        "model m: target 1: its provider nowhere is not there",
        "model m: target 3: it has no provider",
        "model m: target 4: nothing is no URL of a provider: ",
        "model m: target 5: it is there twice",
    };
    struct model_row model = model_with("", rows, 5);

    assert_int_equal(build(f, &model, 1), OK);
    assert_int_equal(f->faults_len, ARRAY_LEN(told));
    for (size_t i = 0; i < ARRAY_LEN(told); i++)
        assert_true(slice_starts(f->faults[i].what, slice_str(told[i])));
    assert_int_equal(found(f)->targets_len, 1);
    model.targets_len = 1; /* and with none left */
    assert_int_equal(build(f, &model, 1), OK);
    assert_null(registry_find(f->registry, SLICE("m")));
    assert_int_equal(f->faults_len, 1);
}

static uint64_t identity_of(struct fixture *f, struct target_row row)
{
    struct model_row model = model_with("box", &row, 1);

    assert_int_equal(build(f, &model, 1), OK);
    return found(f)->targets[0].identity;
}

/* Provider, key, endpoint and the provider's name for it: one of them bad says nothing of others.
 */
static void each_combination_has_an_identity_of_its_own(void **state)
{
    struct fixture *f = *state;
    struct target_row rows[] = {
        target_at("box", "", ""),
        target_at("box", "", "sk-1"),
        target_at("box", "", "sk-2"),
        target_at("box", "http://10.0.0.5:8000/v2", ""),
        target_at("box", "http://10.0.0.5:8001/v1", ""),
        target_at("box", "https://10.0.0.5:8000/v1", ""),
        target_at("v6", "http://10.0.0.5:8000/v1", ""),
        target_at("box", "", ""),
    };
    uint64_t identities[ARRAY_LEN(rows)];

    rows[7].upstream_model = SLICE("other");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        identities[i] = identity_of(f, rows[i]);
        assert_int_equal(identity_of(f, rows[i]), identities[i]); /* in the next snapshot too */
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(identities[i], identities[j]);
    }
    assert_int_equal(identity_of(f, target_at("", "http://10.0.0.5:8000/v1", "")), identities[0]);
}

static void a_model_says_how_it_behaves(void **state)
{
    struct fixture *f = *state;
    struct model_row model = model_of("m", "box");

    assert_int_equal(build(f, &model, 1), OK);
    assert_int_equal(found(f)->fallback_on, 0);
    assert_int_equal(found(f)->keepalive_ms, 0);
    assert_false(found(f)->rescue);
    assert_int_equal(found(f)->max_tokens, 0);
    assert_int_equal(found(f)->targets[0].max_tokens, 0);
    assert_int_equal(found(f)->context_window, 0);
    assert_int_equal(found(f)->modalities.len, 0);
    model.max_tokens = 8192;
    model.context_window = 131072;
    model.modalities = SLICE("text,image");
    model.fallback_on = SLICE("context_length");
    model.keepalive_ms = 15000;
    model.rescue = true;
    assert_int_equal(build(f, &model, 1), OK);
    assert_int_equal(found(f)->fallback_on, FALLBACK_ON_CONTEXT_LENGTH);
    assert_int_equal(found(f)->keepalive_ms, 15000);
    assert_true(found(f)->rescue);
    assert_int_equal(found(f)->max_tokens, 8192);
    assert_int_equal(found(f)->targets[0].max_tokens, 8192);
    assert_int_equal(found(f)->context_window, 131072);
    assert_slice(found(f)->modalities, "text,image");
    model.fallback_on = SLICE("weather, context_length,,");
    assert_int_equal(build(f, &model, 1), OK);
    assert_int_equal(found(f)->fallback_on, FALLBACK_ON_CONTEXT_LENGTH);
    assert_int_equal(f->faults_len, 1);
    assert_slice(f->faults[0].what, "model m: there is no fallback_on weather");
}

/* What the model of that row is defined as, while f holds its registry. */
static struct slice definition_of(struct fixture *f, const struct model_row *model)
{
    assert_int_equal(build(f, model, 1), OK);
    return found(f)->definition;
}

static bool is_defined_alike(struct fixture *f, const struct model_row *a,
                             const struct model_row *b)
{
    struct slice text = arena_copy(&f->arena, definition_of(f, a));

    return slice_eq(text, definition_of(f, b));
}

static void what_kept_answers_depend_on_is_defined(void **state)
{
    struct fixture *f = *state;
    struct model_row model = model_of("m", "box"), other;

    assert_int_equal(definition_of(f, &model).len, 0);
    assert_int_equal(found(f)->cache_ms, 0);
    model.cache_ms = 60000;
    model.cache_shared = true;
    assert_true(definition_of(f, &model).len > 0);
    assert_int_equal(found(f)->cache_ms, 60000);
    assert_true(found(f)->cache_shared);

    other = model;
    other.timeout_ms = 1;
    other.api_key = secret_of(SLICE("another key"));
    assert_true(is_defined_alike(f, &model, &other));
    other = model;
    other.upstream_model = SLICE("n");
    assert_false(is_defined_alike(f, &model, &other));
    other = model;
    other.endpoint = SLICE("http://other:1/v1");
    assert_false(is_defined_alike(f, &model, &other));
    other = model;
    other.max_tokens = 10;
    assert_false(is_defined_alike(f, &model, &other));
}

static void nothing_of_the_rows_is_kept(void **state)
{
    struct fixture *f = *state;
    char text[] = "name";
    struct model_row model = model_of(text, "box");

    model.api_key = secret_of(slice_str(text));
    assert_int_equal(build(f, &model, 1), OK);
    memset(text, 'x', 4);
    const struct target *t = target_of(f, "name");
    assert_slice(t->model, "name");
    assert_slice(secret_reveal(t->api_key), "name");
}

static void out_of_memory_is_told(void **state)
{
    struct fixture *f = *state;
    static struct model_row models[40];
    static char names[40][8];
    const struct target_row targets[] = {target_at("openai", "", "sk-1"),
                                         target_at("openai", "", "sk-1"),
                                         target_at("box", "http://h/v1", "sk-2")};

    for (int i = 0; i < 40; i++) {
        snprintf(names[i], sizeof(names[i]), "m%d", i);
        models[i] = model_falling_back(names[i], "m1,m2,nobody");
        if (i % 5 == 0)
            models[i].provider = SLICE("nowhere");
        models[i].cache_ms = i % 3 == 0 ? 1000 : 0;
        if (i % 7 == 0) {
            models[i].targets = targets;
            models[i].targets_len = ARRAY_LEN(targets);
        }
    }
    for (unsigned n = 1;; n++) {
        struct arena arena;
        arena_init(&arena, 0);
        struct registry_rows rows = {providers, ARRAY_LEN(providers), models, 40};
        alloc_fail_at(n);
        int rc = registry_new(&rows, &arena, &f->registry, &f->faults, &f->faults_len);
        bool hit = alloc_fail_hit();
        assert_int_equal(rc, hit ? -ENOMEM : OK);
        assert_true(hit == (f->registry == NULL));
        arena_clear(&arena);
        if (!hit)
            break;
    }
    registry_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_model_inherits_from_its_provider),
        TEST(a_model_may_say_otherwise),
        TEST(a_query_goes_with_every_request),
        TEST(models_are_listed_by_name),
        TEST(wrong_rows_are_left_out_and_told),
        TEST(fallbacks_are_models_that_exist),
        TEST(targets_inherit_from_the_model),
        TEST(no_key_goes_to_another_provider),
        TEST(a_model_may_leave_the_provider_to_its_targets),
        TEST(wrong_targets_are_left_out_and_told),
        TEST(each_combination_has_an_identity_of_its_own),
        TEST(a_model_says_how_it_behaves),
        TEST(what_kept_answers_depend_on_is_defined),
        TEST(nothing_of_the_rows_is_kept),
        TEST(out_of_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
