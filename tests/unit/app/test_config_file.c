/* The configuration file: what a good one becomes, and what is said about bad ones, line by line.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/config_file.h"
#include "support/alloc_fail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char *test_env(const char *name)
{
    static const char *const pairs[][2] = {
        {"UPSTREAM_KEY", "sk-upstream-0123456789"},
        {"EMPTY",        ""                      },
        {"PORT",         "9999"                  },
        {"BAD",          "not a size"            },
    };

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        if (strcmp(name, pairs[i][0]) == 0)
            return pairs[i][1];
    return NULL;
}

static const char *no_env(const char *name)
{
    (void)name;
    return NULL;
}

static int test_file(const char *path, struct arena *a, struct slice *ret)
{
    if (strcmp(path, "/run/secrets/upstream") != 0)
        return strcmp(path, "/empty") == 0 ? -ENODATA : -ENOENT;
    *ret = arena_copy(a, SLICE("sk-of-a-file-0123456789"));
    return ret->at ? OK : -ENOMEM;
}

static const struct config_outside test_outside = {test_env, test_file},
                                   nothing_outside = {no_env, test_file};

/* What courier check would print. */
static char *faults_of(const char *text, const struct config_outside *outside)
{
    struct config config;
    char *printed = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&printed, &n);

    assert_non_null(out);
    assert_int_equal(config_parse(slice_str(text), SLICE("f"), outside, &config), OK);
    config_faults_print(&config.faults, out);
    fclose(out);
    config_free(&config);
    return printed;
}

static const char complete[] =
    "listen: 127.0.0.1:${PORT}\n"
    "workers: 3\n"
    "store: sqlite:/tmp/a.db\n"
    "limiter: memory\n"
    "admin_key: 'key-of-the-administrator'\n"
    "store_prompts: off\n"
    "log: {level: warn, format: text, file: /tmp/log}\n"
    "limits: {body: 1MB, header: 16KB}\n"
    "timeouts:\n"
    "  total: 90s\n"
    "cache: {size: 1GB, entry: 2MB}\n"
    "providers:\n"
    "  - {name: first, type: openai, api_key: \"${UPSTREAM_KEY}\"}\n"
    "  - name: second\n"
    "    type: openai_compatible\n"
    "    base_url: http://10.0.0.5:8000/v1\n"
    "models:\n"
    "  - {name: a, provider: first, timeout: 2s, retries: 2, fallback: [b]}\n"
    "  - {name: b, provider: second, upstream_model: \"$${x}\"}\n"
    "  - name: c\n"
    "    fallback: [a, b]\n"
    "    fallback_on: [context_length]\n"
    "    keepalive: 15s\n"
    "    rescue: verified\n"
    "    max_tokens: 8192\n"
    "    context_window: 131072\n"
    "    modalities: [text, image]\n"
    "    cache: 60s\n"
    "    cache_scope: shared\n"
    "    targets:\n"
    "      - {provider: first, api_key: \"${UPSTREAM_KEY}\"}\n"
    "      - provider: second\n"
    "        upstream_model: other\n"
    "        endpoint: http://10.0.0.6:8000/v1\n";

static void test_complete_file(void **state)
{
    struct config c;

    (void)state;
    assert_int_equal(config_parse(slice_str(complete), SLICE("f"), &test_outside, &c), OK);
    config_faults_print(&c.faults, stderr);
    assert_int_equal(c.faults.len, 0);
    assert_true(slice_eq(c.settings.listen, SLICE("127.0.0.1:9999")));
    assert_int_equal(c.settings.workers, 3);
    assert_int_equal(c.settings.log.level, LOG_WARN);
    assert_int_equal(c.settings.log.format, LOG_TEXT);
    assert_int_equal(c.settings.limits.body, 1 << 20);
    assert_int_equal(c.settings.timeouts.total, 90000);
    assert_int_equal(c.settings.cache.size, 1 << 30);
    assert_int_equal(c.settings.cache.entry, 2 << 20);
    assert_int_equal(c.settings.timeouts.idle, 30000);
    assert_true(slice_eq(config_place(&c, "key"), SLICE("/tmp/a.db.key")));
    assert_true(slice_eq(config_journal_folder(&c), SLICE("/tmp/a.db.journal")));
    assert_int_equal(c.providers_len, 2);
    assert_false(secret_is_empty(c.providers[0].api_key));
    assert_true(c.providers[0].from_file);
    assert_true(slice_eq(c.providers[1].base_url, SLICE("http://10.0.0.5:8000/v1")));
    assert_int_equal(c.models_len, 3);
    assert_int_equal(c.models[0].timeout_ms, 2000);
    assert_int_equal(c.models[0].retries, 2);
    assert_true(slice_eq(c.models[0].fallback, SLICE("b")));
    assert_true(slice_eq(c.models[1].upstream_model, SLICE("${x}")));
    assert_int_equal(c.models[1].retries, 1);
    config_free(&c);
}

static void test_targets(void **state)
{
    struct config c;

    (void)state;
    assert_int_equal(config_parse(slice_str(complete), SLICE("f"), &test_outside, &c), OK);
    const struct model_row *bare = &c.models[0], *m = &c.models[2];
    assert_int_equal(bare->targets_len, 0);
    assert_int_equal(bare->fallback_on.len, 0);
    assert_int_equal(bare->keepalive_ms, 0);
    assert_false(bare->rescue);
    assert_int_equal(bare->max_tokens, 0);
    assert_int_equal(bare->context_window, 0);
    assert_int_equal(bare->modalities.len, 0);
    assert_int_equal(bare->cache_ms, 0);
    assert_false(bare->cache_shared);
    assert_int_equal(m->provider.len, 0);
    assert_true(slice_eq(m->fallback, SLICE("a,b")));
    assert_true(slice_eq(m->fallback_on, SLICE("context_length")));
    assert_int_equal(m->keepalive_ms, 15000);
    assert_true(m->rescue);
    assert_int_equal(m->max_tokens, 8192);
    assert_int_equal(m->context_window, 131072);
    assert_true(slice_eq(m->modalities, SLICE("text,image")));
    assert_int_equal(m->cache_ms, 60000);
    assert_true(m->cache_shared);
    assert_int_equal(m->targets_len, 2);
    assert_true(slice_eq(m->targets[0].provider, SLICE("first")));
    assert_true(slice_eq(secret_reveal(m->targets[0].api_key), SLICE("sk-upstream-0123456789")));
    assert_int_equal(m->targets[0].endpoint.len, 0);
    assert_true(slice_eq(m->targets[1].upstream_model, SLICE("other")));
    assert_true(slice_eq(m->targets[1].endpoint, SLICE("http://10.0.0.6:8000/v1")));
    assert_true(secret_is_empty(m->targets[1].api_key));
    config_free(&c);
}

static void test_nothing_is_a_good_file(void **state)
{
    static const char *const texts[] = {"", "# nothing\n", "---\n", "{}",
                                        "providers:\nmodels: []\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        char *printed = faults_of(texts[i], &nothing_outside);
        assert_string_equal(printed, "");
        free(printed);
    }
}

static void test_json_is_yaml(void **state)
{
    char *printed = faults_of("{\"listen\": \"127.0.0.1:0\", \"workers\": 2, \"providers\": [], "
                              "\"limits\": {\"body\": \"1MB\"}}",
                              &nothing_outside);

    (void)state;
    assert_string_equal(printed, "");
    free(printed);
}

struct bad_file {
    const char *text;
    const char *said; /* all of it */
};

static void assert_faults(const struct bad_file *files, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *printed = faults_of(files[i].text, &test_outside);
        if (strcmp(printed, files[i].said) != 0)
            fail_msg("%s\nsays   %sshould %s", files[i].text, printed, files[i].said);
        free(printed);
    }
}

#define TOP                                                                                        \
    "; allowed: listen, metrics_listen, workers, store, data, retention, limiter, "                \
    "limiter_ca_file, limiter_timeout, limiter_lease, on_limiter_failure, "                        \
    "limiter_instances, admin_key, "                                                               \
    "secret_key, store_prompts, otlp_endpoint, otlp_headers, otlp_sample, "                        \
    "otlp_service_name, log, limits, timeouts, upstream, journal, cache, prompts, redact, "        \
    "snapshot, providers, models\n"
#define LIMITERS  "; allowed: memory | redis(s)://[USER:PASSWORD@]HOST[:PORT][/DATABASE]\n"
#define SIZES     "; allowed: a size from 1KB to 1GB, like 512, 64KB, 32MB\n"
#define DURATIONS "; allowed: a duration from 1ms to 24h, like 250ms, 30s, 2m\n"

static void test_bad_files(void **state)
{
    static const struct bad_file files[] = {
  /* syntax */
        {"listen: [\n",                                                                            "f:2: not YAML: while parsing a flow node, did not "
                        "find expected node content\n"                                                                                                               },
        {"a: b: c\n",                                                                              "f:1: not YAML: mapping values are not allowed in "
                      "this context\n"                                                                                                                                 },
        {"listen: \"\xff\"\n",                                                                     "f:1: not YAML: invalid leading UTF-8 octet\n"                                           },
        {"workers: 1\nlisten: \"\x01\"\n",                                                         "f:2: not YAML: control characters are not allowed\n"                                    },
        {"- a\n",                                                                                  "f:1: the file must be a mapping; allowed: NAME: "
                  "VALUE lines\n"                                                                                                                                          },
        {"just text",                                                                              "f:1: the file must be a mapping; allowed: NAME: "
                      "VALUE lines\n"                                                                                                                                  },
        {"workers: 1\n---\nworkers: 2\n",                                                          "f:2: a second document begins here; allowed: one "
                                          "document\n"                                                                                             },
        {"x: &a 1\nlimits: {body: *a}\n",
         "f:1: unknown setting \"x\"" TOP
         "f:2: aliases are not supported; allowed: the value, written out\n"                                                                                                                },
        {"? [a]\n: b\n",                                                                           "f:1: a key must be plain text\n"                                                        },
 /* members */
        {"workers: 1\nworkers: 2\n",                                                               "f:2: workers is given twice, first on line 1\n"                                         },
        {"limits: {body: 1MB}\n\nlimits: {}",                                                      "f:3: limits is given twice, first on line 1\n"                                          },
        {"limits:\n  bodi: 1MB\n",                                                                 "f:2: unknown setting \"limits.bodi\", did you mean "
                                   "body?; allowed: body, header, answer, frame, "
                                   "connections\n"                                                                                                        },
        {"limits: 5\n",                                                                            "f:1: limits must be a mapping\n"                                                        },
        {"timeouts:\n",                                                                            ""                                                                                       },
        {"log: {level: loud}\n",                                                                   "f:1: log.level: \"loud\" is none of the words "
                                 "allowed; allowed: debug | info | warn | error\n"                                                                          },
        {"workers: []\n",                                                                          "f:1: workers must be a single value, not a list; "
                          "allowed: auto | a whole number from 1 to 256\n"                                                                                         },
        {"workers:\n",                                                                             "f:1: workers has no value; leave it out to get the "
                       "default; allowed: auto | a whole number from 1 to "
                       "256\n"                                                                                                                                        },
 /* values */
        {"limits: {body: 32 megabytes}\n",                                                         "f:1: limits.body: \"32 megabytes\" is no size" SIZES                                    },
        {"limits: {body: 1}\n",                                                                    "f:1: limits.body: \"1\" is too small" SIZES                                             },
        {"timeouts:\n  idle: 30\n",                                                                "f:2: timeouts.idle: \"30\" is no duration" DURATIONS                                    },
        {"timeouts:\n  idle: 99999999999999999999s\n",
         "f:2: timeouts.idle: \"99999999999999999999s\" is too large" DURATIONS                                                                                                             },
        {"listen: localhost:80\n",                                                                 "f:1: listen: \"localhost:80\" does not begin with an "
                                   "IP address; allowed: IP:PORT, like 127.0.0.1:8080, "
                                   "[::1]:8080, :8080\n"                                                                                                  },
        {"admin_key: short\n",                                                                     "f:1: admin_key is too short to be safe; allowed: "
                               "visible ASCII characters, at least 16\n"                                                                                      },
        {"store: postgres://u:p@@h/d\n",
         "f:1: store has an @ that is not between the password and the host: in a user, a password "
         "or a name, @ : / ? % are written %40 %3A %2F %3F %25; allowed: sqlite:PATH | "
         "postgres://USER:PASSWORD@HOST[:PORT]/DATABASE\n"                                                                                                                                  },
        {"limiter: memroy\n",
         "f:1: limiter: \"memroy\" does not begin with redis:// or rediss://" LIMITERS                                                                                                      },
        {"limiter: redis://:secret@h:x\n",
         "f:1: limiter: \"redis://\" has a port that is no number from 1 to 65535" LIMITERS                                                                                                 },
        {"limiter: ':secret@h'\n",
         "f:1: limiter does not begin with redis:// or rediss://" LIMITERS                                                                                                                  },
        {"store_prompts: some\n",                                                                  "f:1: store_prompts: \"some\" is none of the words allowed; "
                                  "allowed: off | redacted | full\n"                                                                                       },
        {"redact: {patterns: [good, '(']}\n",
         "f:1: redact.patterns: \"(\" pattern 1: missing closing parenthesis; allowed: a list of "
         "regular expressions\n"                                                                                                                                                            },
        {"redact: {patterns: [[]]}\n",                                                             "f:1: redact.patterns: this is no regular expression on one "
                                       "line; allowed: a list of regular expressions\n"                                                               },
 /* variables */
        {"a: 1\nlisten: ${NOPE}\n",
         "f:1: unknown setting \"a\"" TOP "f:2: the environment variable NOPE is not set\n"                                                                                                 },
        {"listen: ${PORT\n",                                                                       "f:1: a variable is not written as it should be; "
                             "allowed: ${NAME}, ${file:PATH}, or $${ for a plain ${\n"                                                                          },
        {"listen: ${}\n",                                                                          "f:1: a variable is not written as it should be; "
                          "allowed: ${NAME}, ${file:PATH}, or $${ for a plain ${\n"                                                                                },
        {"limits: {body: \"${UPSTREAM_KEY}\"}\n",                                                  "f:1: limits.body is no size" SIZES                                                      },
        {"admin_key: ${EMPTY}\n",                                                                  "f:1: admin_key is empty; allowed: visible ASCII "
                                  "characters, at least 16\n"                                                                                              },
 /* entries */
        {"providers: {name: a}\n",                                                                 "f:1: providers must be a list; allowed: - {name: …}\n"                                },
        {"providers:\n  - a\n",                                                                    "f:2: providers[0] must be a mapping; allowed: {name: "
                                "…}\n"                                                                                                                     },
        {"providers:\n  - {name: a, type: openai_compatible}\n",
         "f:2: provider a: a provider of type openai_compatible "
         "needs base_url; allowed: where its API is; ends before "
         "/chat/completions\n"                                                                                                                                                              },
        {"providers:\n  - {name: a, type: openai, base_url: nowhere}\n",
         "f:2: providers[0].base_url does not begin with http:// or https://; allowed: "
         "http(s)://HOST[:PORT][/PATH][?QUERY]\n"                                                                                                                                           },
        {"models:\n  - {name: m, provider: a, timeout: 5}\n",
         "f:2: models[0].timeout: \"5\" is no duration" DURATIONS
         "f:2: the provider a is not there\n"                                                                                                                                               },
        {"providers:\n  - {name: a, type: nothing}\n",
         "f:2: providers[0].type: \"nothing\" is no provider type; allowed: openai | azure_openai "
         "| "
         "openai_compatible | vllm | ollama | deepseek | qwen | zhipu | moonshot | groq | mistral "
         "| openrouter | together | xai | siliconflow | gemini | anthropic\n"                                                                                                               },
        {"providers:\n  - {name: a, type: openai}\n  - {name: a, type: openai}\n",
         "f:3: providers: the name a is taken, first on line 2\n"                                                                                                                           },
        {"providers:\n  - {name: a, type: openai}\nmodels:\n  - {name: m, provider: a}\n"
         "  - name: m\n    provider: a\n",                                                "f:5: models: the name m is taken, first on line 4\n"                                    },
        {"providers:\n  - {name: first, type: openai}\nmodels:\n  - {name: m, provider: frist}\n",
         "f:4: the provider frist is not there, did you mean first?; allowed: first\n"                                                                                                      },
        {"providers:\n  - {name: a, type: openai}\nmodels:\n  - {name: m, provider: a, fallback: "
         "[m, "
         "x]}\n",                                                                         "f:4: model m falls back on itself\nf:4: the fallback model x is not there; allowed: m\n"},
        {"models:\n  - {provider: a, retries: 11}\n",
         "f:2: models[0].retries: \"11\" is too large; allowed: a whole number from 0 to 10\n"
         "f:2: models[0].name is missing; allowed: 1 to 128 visible ASCII characters, no comma\n"
         "f:2: the provider a is not there\n"                                                                                                                                               },
        {"providers:\n  - {name: a b, type: openai, key: x}\n",
         "f:2: providers[0].name: \"a b\" has a character that a name cannot have; allowed: 1 to "
         "64 visible ASCII characters, no comma\nf:2: unknown setting \"providers[0].key\"; "
         "allowed: name, type, base_url, api_key\n"                                                                                                                                         },
    };

    (void)state;
    assert_faults(files, ARRAY_LEN(files));
}

/* A model of a provider that is there, with more members. */
#define MODEL(members)                                                                             \
    "providers:\n  - {name: p, type: openai}\nmodels:\n  - {name: m, " members "}\n"
#define OF_TARGETS "; allowed: - {provider: …}, with provider, upstream_model, endpoint, api_key\n"
#define KEEPALIVES "; allowed: off | a duration from 1s to 1h, like 250ms, 30s, 2m\n"

static void test_bad_models(void **state)
{
    static const struct bad_file files[] = {
        {MODEL("provider: p, retries: -1"),                                         "f:4: models[0].retries: \"-1\" is no whole number; "
                                            "allowed: a whole number from 0 to 10\n"                       },
        {MODEL("provider: p, keepalive: 500ms"),
         "f:4: models[0].keepalive: \"500ms\" is too small" KEEPALIVES                                                                                },
        {MODEL("provider: p, keepalive: 15"),
         "f:4: models[0].keepalive: \"15\" is no duration" KEEPALIVES                                                                                 },
        {MODEL("provider: p, rescue: on"),                                          "f:4: models[0].rescue: \"on\" is none of the words "
                                           "allowed; allowed: off | verified\n"                             },
        {MODEL("provider: p, fallback_on: [weather]"),
         "f:4: models[0].fallback_on: \"weather\" has a word that is not allowed; allowed: a list "
         "of context_length\n"                                                                                                                        },
        {MODEL("provider: p, fallback_on: [[context_length]]"),
         "f:4: models[0].fallback_on: this is no word; allowed: a list of context_length\n"                                                           },
        {MODEL("provider: p, fallback_on: {context_length: yes}"),
         "f:4: models[0].fallback_on must be a list, not a mapping; allowed: a list of "
         "context_length\n"                                                                                                                           },
        {MODEL("provider: p, fallback_on: [context_length]"),
         "f:4: model m: fallback_on says when, but fallback is missing; allowed: fallback as "
         "well\n"                                                                                                                                     },
 /* targets */
        {MODEL("targets: p"),                                                       "f:4: models[0].targets must be a list of at least one" OF_TARGETS},
        {MODEL("targets: {provider: p}"),
         "f:4: models[0].targets must be a list of at least one" OF_TARGETS                                                                           },
        {MODEL("targets: []"),                                                      "f:4: models[0].targets must be a list of at least one" OF_TARGETS},
        {MODEL("targets: "),                                                        "f:4: models[0].targets must be a list of at least one" OF_TARGETS},
        {MODEL("targets: [p]"),
         "f:4: models[0].targets[0] must be a mapping with at least one member" OF_TARGETS                                                            },
        {MODEL("provider: p, targets: [{}]"),
         "f:4: models[0].targets[0] must be a mapping with at least one member" OF_TARGETS                                                            },
        {MODEL("provider: p, targets: [{weight: 5}]"),
         "f:4: unknown setting \"models[0].targets[0].weight\"; allowed: provider, "
         "upstream_model, endpoint, api_key\n"                                                                                                        },
        {MODEL("provider: p, targets: [{endpoint: h}]"),
         "f:4: models[0].targets[0].endpoint does not begin with http:// or https://; allowed: "
         "http(s)://HOST[:PORT][/PATH][?QUERY]\n"                                                                                                     },
        {MODEL("provider: p, targets: [{api_key: a}, {api_key: b}, {api_key: a}]"),
         "f:4: models[0].targets[2] is the same as targets[0]\n"                                                                                      },
        {MODEL("targets: [{provider: p}, {api_key: a}]"),
         "f:4: models[0].targets[1].provider is missing, and the model has none; allowed: the name "
         "of a provider, here or of the model\n"                                                                                                      },
        {MODEL("targets: [{provider: p}, {provider: q}]"),
         "f:4: the provider q is not there; allowed: p\n"                                                                                             },
        {MODEL("targets: [{provider: p}], targets: [{provider: p}]"),
         "f:4: models[0].targets is given twice, first on line 4\n"                                                                                   },
        {MODEL("retries: 1"),
         "f:4: models[0].provider is missing; allowed: the name of a provider, or `targets`\n"                                                        },
    };

    (void)state;
    assert_faults(files, ARRAY_LEN(files));
}

static void test_too_many_targets(void **state)
{
    struct buf text;

    (void)state;
    for (unsigned n = 64; n <= 65; n++) {
        buf_init(&text, 1 << 16);
        buf_printf(&text, "providers:\n  - {name: p, type: openai}\nmodels:\n"
                          "  - name: m\n    provider: p\n    targets:\n");
        for (unsigned i = 0; i < n; i++)
            buf_printf(&text, "      - api_key: key%u\n", i);
        buf_add_char(&text, '\0');
        char *printed = faults_of(text.at, &nothing_outside);
        assert_string_equal(
            printed, n <= 64 ? "" : "f:7: models[0].targets has 65 targets; allowed: at most 64\n");
        free(printed);
        buf_free(&text);
    }
}

static const char *set_env(const char *name)
{
    static const char *const pairs[][2] = {
        {"COURIER_TIMEOUTS_TOTAL",  "7s"                   },
        {"COURIER_LISTEN",          ""                     },
        {"COURIER_LIMITS_BODY",     "much"                 },
        {"COURIER_SECRET_KEY_FILE", "/run/secrets/upstream"},
        {"COURIER_ADMIN_KEY",       ""                     },
        {"COURIER_ADMIN_KEY_FILE",  "/run/secrets/upstream"},
        {"COURIER_STORE",           "sqlite:/a"            },
        {"COURIER_STORE_FILE",      "/run/secrets/upstream"},
        {"COURIER_WORKERS_FILE",    "/not/there"           },
        {"COURIER_LOG_LEVEL_FILE",  "/run/secrets/upstream"},
        {"COURIER_LIMITER_FILE",    ""                     },
    };

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        if (strcmp(name, pairs[i][0]) == 0)
            return pairs[i][1];
    return NULL;
}

static const struct config_outside set_outside = {set_env, test_file};

static void test_environment_wins(void **state)
{
    const char *text = "timeouts: {total: 9s}\nlisten: :1\nadmin_key: of-the-file-0123456\n";
    struct config c;

    (void)state;
    assert_int_equal(config_parse(slice_str(text), SLICE("f"), &set_outside, &c), OK);
    assert_int_equal(c.settings.timeouts.total, 7000);
    assert_true(slice_eq(c.settings.listen, SLICE(":1")));
    assert_true(slice_eq(secret_reveal(c.settings.admin_key), SLICE("sk-of-a-file-0123456789")));
    assert_true(slice_eq(secret_reveal(c.settings.secret_key), SLICE("sk-of-a-file-0123456789")));
    config_free(&c);
}

static void test_faults_of_the_environment(void **state)
{
    char *printed = faults_of("", &set_outside);

    (void)state;
    assert_string_equal(
        printed,
        "COURIER_WORKERS_FILE: ENOENT: no such file or directory\n"
        "COURIER_STORE_FILE: the variable without _FILE is set as well\n"
        "COURIER_LOG_LEVEL_FILE: is none of the words allowed; allowed: debug | info | "
        "warn | error\n"
        "COURIER_LIMITS_BODY: is no size; allowed: a size from 1KB to 1GB, like 512, 64KB, "
        "32MB\n");
    free(printed);
}

static const char *any_env(const char *name)
{
    return strncmp(name, "COURIER_", 8) == 0 ? NULL : "sk-0123456789abcdef";
}

static void test_example_is_good(void **state)
{
    static char text[1 << 16];
    FILE *f = fopen("../courier.example.yaml", "rb");

    (void)state;
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = 0;
    char *printed = faults_of(text, &(struct config_outside){any_env, test_file});
    assert_string_equal(printed, "");
    free(printed);
}

static void test_cut_at_every_byte(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof(complete); n++) {
        struct config c;
        char *cut = malloc(n + 1); /* exact: a read past the end is seen */
        assert_non_null(cut);
        memcpy(cut, complete, n);
        assert_int_equal(config_parse(slice_of(cut, n), SLICE("f"), &test_outside, &c), OK);
        config_free(&c);
        free(cut);
    }
}

/* Without memory nothing is silently left out. */
static void test_out_of_memory(void **state)
{
    static const char *const texts[] = {complete,
                                        "workers: x\nmodels:\n - {name: m, provider: p}\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        for (unsigned n = 1;; n++) {
            struct config c;
            alloc_fail_at(n);
            int rc = config_parse(slice_str(texts[i]), SLICE("f"), &test_outside, &c);
            bool hit = alloc_fail_hit();
            alloc_fail_at(0);
            size_t faults = c.faults.len;
            config_free(&c);
            if (!hit)
                break;
            assert_true(rc == -ENOMEM || faults > 0);
        }
}

static void test_many_faults_are_cut_off(void **state)
{
    struct config c;
    struct buf text;

    (void)state;
    buf_init(&text, 1 << 16);
    for (unsigned i = 0; i < 300; i++)
        buf_printf(&text, "key%u: 1\n", i);
    assert_int_equal(config_parse(buf_slice(&text), SLICE("f"), &nothing_outside, &c), OK);
    assert_int_equal(c.faults.len, CONFIG_FAULTS_MAX);
    assert_int_equal(c.faults.untold, 200);
    config_free(&c);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_complete_file),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_nothing_is_a_good_file),
        cmocka_unit_test(test_json_is_yaml),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_bad_models),
        cmocka_unit_test(test_too_many_targets),
        cmocka_unit_test(test_environment_wins),
        cmocka_unit_test(test_faults_of_the_environment),
        cmocka_unit_test(test_example_is_good),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_many_faults_are_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
