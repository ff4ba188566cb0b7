/* test_key_places.c: a stored key goes where it went before, or is given again. */

#include "router/key_places.h"

#include "support/alloc_fail.h"

#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

/* A provider "p" and a model "m" of it, before or after a change. */
struct state {
    const char *type, *base_url, *provider_key; /* sealed; "+…": given by the change */
    const char *endpoint, *model_key;
    const char *target_provider, *target_endpoint, *target_key; /* all NULL: there is no target */
};

static void set_key(const char *text, struct slice *ret_sealed, struct secret *ret_given)
{
    if (text && text[0] == '+')
        *ret_given = secret_of(slice_str(text));
    else if (text)
        *ret_sealed = slice_str(text);
}

static struct slice text_of(const char *text)
{
    return slice_str(text ? text : "");
}

struct rows {
    struct provider_row providers[2];
    struct model_row model;
    struct target_row target;
};

static struct registry_rows rows_of(const struct state *s, struct rows *r)
{
    *r = (struct rows){0};
    r->providers[0] =
        (struct provider_row){.name = SLICE("p"),
                              .type = text_of(s->type ? s->type : "openai_compatible"),
                              .base_url = text_of(s->base_url)};
    r->providers[1] = (struct provider_row){.name = SLICE("q"),
                                            .type = SLICE("openai_compatible"),
                                            .base_url = SLICE("https://q.example/v1"),
                                            .sealed_key = SLICE("sealed of q")};
    set_key(s->provider_key, &r->providers[0].sealed_key, &r->providers[0].api_key);
    r->model = (struct model_row){
        .name = SLICE("m"), .provider = SLICE("p"), .endpoint = text_of(s->endpoint)};
    set_key(s->model_key, &r->model.sealed_key, &r->model.api_key);
    r->target.provider = text_of(s->target_provider);
    r->target.endpoint = text_of(s->target_endpoint);
    set_key(s->target_key, &r->target.sealed_key, &r->target.api_key);
    r->model.targets = &r->target;
    r->model.targets_len = s->target_provider || s->target_endpoint || s->target_key;
    return (struct registry_rows){r->providers, 2, &r->model, 1};
}

static int compare(const struct state *was, const struct state *is, struct arena *a,
                   struct key_move *ret)
{
    struct rows rows_before, rows_after;
    struct registry_rows before = rows_of(was, &rows_before), after = rows_of(is, &rows_after);

    return key_places_compare(&before, &after, a, ret);
}

#define A "https://a.example/v1"
#define B "https://b.example/v1"

static void check(const struct state *was, const struct state *is, const char *expected)
{
    struct key_move move;
    struct arena arena;

    arena_init(&arena, 0);
    int rc = compare(was, is, &arena, &move);
    if (!expected) {
        assert_int_equal(rc, OK);
    } else {
        assert_int_equal(rc, KEY_MOVES);
        struct slice told =
            arena_printf(&arena, "%s key, model %.*s, at %.*s: %.*s",
                         move.of_provider ? "provider's" : "model's", SLICE_FMT(move.model),
                         SLICE_FMT(move.provider), SLICE_FMT(move.to));
        assert_string_equal(told.at, expected);
    }
    arena_clear(&arena);
}

static void what_stays_and_what_moves(void **state)
{
    static const struct {
        struct state was, is;
        const char *expected;
    } cases[] = {
  /* a provider's key */
        {{.base_url = A, .provider_key = "k"},                                    {.base_url = A, .provider_key = "k"},          NULL},
        {{.base_url = A, .provider_key = "k"},                                    {.base_url = A "/x?y=z", .provider_key = "k"}, NULL},
        {{.base_url = A, .provider_key = "k"},                                    {.base_url = B, .provider_key = "+k"},         NULL},
        {{.base_url = A, .provider_key = "k"},                                    {.base_url = B},                               NULL},
        {{.base_url = A},                                                         {.base_url = B},                               NULL},
        {{.base_url = A, .provider_key = "k"},
         {.base_url = B, .provider_key = "k"},
         "provider's key, model , at p: https://b.example:443"                                                                       },
        {{.base_url = A, .provider_key = "k"},
         {.base_url = "http://a.example/v1", .provider_key = "k"},
         "provider's key, model , at p: http://a.example:80"                                                                         },
        {{.base_url = A, .provider_key = "k"},
         {.base_url = "https://a.example:8443/v1", .provider_key = "k"},
         "provider's key, model , at p: https://a.example:8443"                                                                      },
        {{.base_url = A, .provider_key = "k"},
         {.base_url = "https://a.example:443", .provider_key = "k"},
         NULL                                                                                                                        },
 /* another type, where there is no base_url */
        {{.type = "openai", .provider_key = "k"},
         {.type = "anthropic", .provider_key = "k"},
         "provider's key, model , at p: https://api.anthropic.com:443"                                                               },
 /* a model's endpoint: the provider's key goes with it */
        {{.base_url = A, .provider_key = "k"},
         {.base_url = A, .provider_key = "k", .endpoint = B},
         "provider's key, model m, at p: https://b.example:443"                                                                      },
        {{.base_url = A, .provider_key = "k"},
         {.base_url = A, .provider_key = "k", .endpoint = B, .model_key = "+own"},
         NULL                                                                                                                        },
        {{.base_url = A, .provider_key = "k", .endpoint = B},
         {.base_url = A, .provider_key = "k", .endpoint = B "/path"},
         NULL                                                                                                                        },
        {{.base_url = A, .provider_key = "k", .endpoint = B, .model_key = "own"},
         {.base_url = A, .provider_key = "k", .endpoint = B},
         "provider's key, model m, at p: https://b.example:443"                                                                      },
 /* a model's own key */
        {{.base_url = A, .model_key = "own"},
         {.base_url = A, .endpoint = B, .model_key = "own"},
         "model's key, model m, at p: https://b.example:443"                                                                         },
        {{.base_url = A, .model_key = "own"},
         {.base_url = B, .model_key = "own"},
         "model's key, model m, at p: https://b.example:443"                                                                         },
        {{.base_url = A, .model_key = "own", .endpoint = B},
         {.base_url = B, .model_key = "own"},
         NULL                                                                                                                        },
 /* a target */
        {{.base_url = A, .target_endpoint = A, .target_key = "t"},
         {.base_url = B, .target_endpoint = A, .target_key = "t"},
         NULL                                                                                                                        },
        {{.base_url = A, .target_key = "t"},
         {.base_url = B, .target_key = "t"},
         "model's key, model m, at p: https://b.example:443"                                                                         },
        {{.base_url = A},                                                         {.base_url = A, .target_provider = "q"},       NULL},
        {{.base_url = A},
         {.base_url = A, .target_provider = "q", .target_endpoint = B},
         "provider's key, model m, at q: https://b.example:443"                                                                      },
        {{.base_url = A},
         {.base_url = A, .target_provider = "q", .target_endpoint = B, .target_key = "+t"},
         NULL                                                                                                                        },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check(&cases[i].was, &cases[i].is, cases[i].expected);
}

static void out_of_memory_is_told(void **state)
{
    const struct state was = {.base_url = A, .provider_key = "k", .target_key = "t"};
    const struct state is = {.base_url = B, .provider_key = "+k", .target_key = "t"};
    struct key_move move;
    int rc;

    (void)state;
    for (unsigned n = 1;; n++) {
        struct arena arena;
        arena_init(&arena, 0);
        alloc_fail_at(n);
        rc = compare(&was, &is, &arena, &move);
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        arena_clear(&arena);
        if (!hit)
            break;
        assert_int_equal(rc, -ENOMEM);
    }
    assert_int_equal(rc, KEY_MOVES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_stays_and_what_moves),
                                       cmocka_unit_test(out_of_memory_is_told)};
    return cmocka_run_group_tests_name("key places", tests, NULL, NULL);
}
