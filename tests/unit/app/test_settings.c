/* The table of settings: its defaults, its values, and the page that is made from it. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/settings.h"

#include <stdio.h>
#include <stdlib.h>

static void test_defaults_are_allowed(void **state)
{
    const struct setting *const tables[] = {settings_table, settings_provider, settings_model,
                                            settings_target};
    union {
        struct settings settings;
        struct provider_row provider;
        struct model_row model;
        struct target_row target;
    } object;
    const char *why;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        for (const struct setting *s = tables[i]; s->path; s++) {
            assert_true(s->help && *s->help);
            if (s->fallback && !setting_set(s, &object, slice_str(s->fallback), &why))
                fail_msg("%s: %s %s", s->path, s->fallback, why);
            if (!s->fallback && !s->required)
                assert_non_null(s->absent);
        }
}

static void test_defaults(void **state)
{
    struct settings s;
    struct model_row model;

    (void)state;
    settings_defaults(&s);
    assert_true(slice_eq(s.listen, SLICE("127.0.0.1:8080")));
    assert_int_equal(s.workers, 0);
    assert_int_equal(s.log.level, LOG_INFO);
    assert_int_equal(s.log.format, LOG_JSON);
    assert_int_equal(s.limits.body, 32 << 20);
    assert_int_equal(s.timeouts.total, 600000);
    assert_true(secret_is_empty(s.admin_key));
    settings_entry_defaults(settings_model, &model, sizeof(model));
    assert_int_equal(model.retries, 1);
    assert_int_equal(model.keepalive_ms, 0);
    assert_false(model.rescue);
    assert_int_equal(model.max_tokens, 0);
    assert_int_equal(model.context_window, 0);
    assert_int_equal(model.modalities.len, 0);
    assert_int_equal(model.cache_ms, 0);
    assert_false(model.cache_shared);
    assert_int_equal(model.targets_len, 0);
    assert_int_equal(model.timeout_ms, 0);
}

static void test_environment_names(void **state)
{
    char name[SETTINGS_ENV_NAME];

    (void)state;
    for (const struct setting *s = settings_table; s->path; s++) {
        settings_env_name(s, name);
        assert_true(strlen(name) == strlen(s->path) + strlen("COURIER_"));
        if (strcmp(s->path, "timeouts.first_token") == 0)
            assert_string_equal(name, "COURIER_TIMEOUTS_FIRST_TOKEN");
    }
}

static const struct setting *named(const struct setting *table, const char *path)
{
    while (strcmp(table->path, path) != 0)
        table++;
    return table;
}

struct value_case {
    const struct setting *table;
    const char *path, *text;
    bool good;
};

static void test_values(void **state)
{
    static const struct value_case cases[] = {
        {settings_table,    "listen",           ":8080",                    true },
        {settings_table,    "listen",           "[::1]:0",                  true },
        {settings_table,    "listen",           "0.0.0.0:65535",            true },
        {settings_table,    "listen",           "127.0.0.1:65536",          false},
        {settings_table,    "listen",           "127.0.0.1",                false},
        {settings_table,    "listen",           "localhost:80",             false},
        {settings_table,    "listen",           "[127.0.0.1]:80",           false},
        {settings_table,    "listen",           "::1:80",                   false},
        {settings_table,    "listen",           "",                         false},
        {settings_table,    "workers",          "auto",                     true },
        {settings_table,    "workers",          "4",                        true },
        {settings_table,    "workers",          "0",                        false},
        {settings_table,    "workers",          "257",                      false},
        {settings_table,    "workers",          "-1",                       false},
        {settings_table,    "limits.body",      "33554432",                 true },
        {settings_table,    "limits.body",      "32 MB",                    false},
        {settings_table,    "limits.body",      "2GB",                      false},
        {settings_table,    "timeouts.idle",    "250ms",                    true },
        {settings_table,    "timeouts.idle",    "5",                        false},
        {settings_table,    "timeouts.idle",    "0",                        false},
        {settings_table,    "timeouts.drain",   "0",                        true },
        {settings_table,    "otlp_sample",      "0",                        true },
        {settings_table,    "otlp_sample",      "1",                        true },
        {settings_table,    "otlp_sample",      "0.000001",                 true },
        {settings_table,    "otlp_sample",      "1.000000",                 true },
        {settings_table,    "otlp_sample",      "1.000001",                 false},
        {settings_table,    "otlp_sample",      "2",                        false},
        {settings_table,    "otlp_sample",      "0.0000001",                false},
        {settings_table,    "otlp_sample",      ".5",                       false},
        {settings_table,    "otlp_sample",      "0.",                       false},
        {settings_table,    "otlp_sample",      "-0.5",                     false},
        {settings_table,    "otlp_sample",      "0.5.1",                    false},
        {settings_table,    "otlp_endpoint",    "http://127.0.0.1:4318",    true },
        {settings_table,    "otlp_endpoint",    "127.0.0.1:4318",           false},
        {settings_table,    "log.level",        "debug",                    true },
        {settings_table,    "log.level",        "Debug",                    false},
        {settings_table,    "limiter",          "memory",                   true },
        {settings_table,    "limiter",          "redis://localhost:6379/0", true },
        {settings_table,    "limiter",          "redis://h:6379/x",         false},
        {settings_table,    "limiter_timeout",  "8ms",                      true },
        {settings_table,    "limiter_lease",    "2h",                       false},
        {settings_table,    "store",            "sqlite:/tmp/x.db",         true },
        {settings_table,    "store",            "sqlite:",                  false},
        {settings_table,    "store",            "postgres://u:p@h/d",       true },
        {settings_table,    "store",            "postgres://u:p/q@h/d",     false},
        {settings_table,    "store_prompts",    "off",                      true },
        {settings_table,    "store_prompts",    "some",                     false},
        {settings_table,    "admin_key",        "0123456789abcdef",         true },
        {settings_table,    "admin_key",        "0123456789abcde",          false},
        {settings_table,    "admin_key",        "0123456789 abcdef",        false},
        {settings_table,    "upstream.waiting", "0",                        true },
        {settings_provider, "type",             "openai_compatible",        true },
        {settings_provider, "type",             "anthropic",                true },
        {settings_provider, "base_url",         "http://10.0.0.5:8000/v1",  true },
        {settings_provider, "base_url",         "ftp://10.0.0.5",           false},
        {settings_provider, "base_url",         "http://u:p@10.0.0.5",      false},
        {settings_provider, "name",             "a,b",                      false},
        {settings_provider, "name",             "a b",                      false},
        {settings_model,    "retries",          "0",                        true },
        {settings_model,    "retries",          "10",                       true },
        {settings_model,    "retries",          "11",                       false},
        {settings_model,    "upstream_model",   "Qwen/Qwen2.5-7B?chunks=3", true },
        {settings_model,    "fallback",         "a,b",                      true },
        {settings_model,    "fallback",         "a,,b",                     false},
        {settings_model,    "fallback_on",      "context_length",           true },
        {settings_model,    "fallback_on",      "",                         true },
        {settings_model,    "fallback_on",      "Context_length",           false},
        {settings_model,    "fallback_on",      "context_length,weather",   false},
        {settings_model,    "fallback_on",      "context_length,,",         false},
        {settings_model,    "keepalive",        "off",                      true },
        {settings_model,    "keepalive",        "1s",                       true },
        {settings_model,    "keepalive",        "15s",                      true },
        {settings_model,    "keepalive",        "1h",                       true },
        {settings_model,    "keepalive",        "999ms",                    false},
        {settings_model,    "keepalive",        "0",                        false},
        {settings_model,    "keepalive",        "2h",                       false},
        {settings_model,    "keepalive",        "on",                       false},
        {settings_model,    "rescue",           "off",                      true },
        {settings_model,    "rescue",           "verified",                 true },
        {settings_model,    "rescue",           "true",                     false},
        {settings_model,    "max_tokens",       "1",                        true },
        {settings_model,    "max_tokens",       "0",                        false},
        {settings_model,    "max_tokens",       "64K",                      false},
        {settings_model,    "context_window",   "1000000",                  true },
        {settings_model,    "context_window",   "100000001",                false},
        {settings_model,    "modalities",       "text,image,audio,file",    true },
        {settings_model,    "modalities",       "text,smell",               false},
        {settings_model,    "cache",            "off",                      true },
        {settings_model,    "cache",            "60s",                      true },
        {settings_model,    "cache",            "24h",                      true },
        {settings_model,    "cache",            "999ms",                    false},
        {settings_model,    "cache",            "2d",                       false},
        {settings_model,    "cache",            "on",                       false},
        {settings_model,    "cache_scope",      "key",                      true },
        {settings_model,    "cache_scope",      "shared",                   true },
        {settings_model,    "cache_scope",      "all",                      false},
        {settings_table,    "cache.size",       "64KB",                     true },
        {settings_table,    "cache.size",       "1KB",                      false},
        {settings_table,    "cache.entry",      "1KB",                      true },
        {settings_table,    "cache.entry",      "65MB",                     false},
        {settings_model,    "timeout",          "off",                      false},
        {settings_target,   "provider",         "a b",                      false},
        {settings_target,   "endpoint",         "https://h:1/v1",           true },
        {settings_target,   "endpoint",         "h:1",                      false},
        {settings_target,   "api_key",          "",                         false},
        {settings_target,   "upstream_model",   "",                         false},
    };
    union {
        struct settings settings;
        struct provider_row provider;
        struct model_row model;
        struct target_row target;
    } object;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *why = NULL;
        const struct setting *s = named(cases[i].table, cases[i].path);
        bool good = setting_set(s, &object, slice_str(cases[i].text), &why);
        if (good != cases[i].good)
            fail_msg("%s: %s: %s", cases[i].path, cases[i].text, why ? why : "taken");
        assert_true(good == (why == NULL));
    }
}

/* The page in docs/ is the one that the binary prints: `courier settings >docs/configuration.md`.
 */
static void test_page_is_current(void **state)
{
    struct buf page;
    FILE *f = fopen("../docs/configuration.md", "rb");
    static char text[1 << 20];

    (void)state;
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof(text), f);
    fclose(f);
    buf_init(&page, sizeof(text));
    settings_page(&page);
    assert_int_equal(page.rc, OK);
    if (!slice_eq(buf_slice(&page), slice_of(text, n)))
        fail_msg("docs/configuration.md is old: run `courier settings >docs/configuration.md`");
    buf_free(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_allowed), cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_environment_names),    cmocka_unit_test(test_values),
        cmocka_unit_test(test_page_is_current),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
