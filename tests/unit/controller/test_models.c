/* GET /v1/models and /v1/models/{id}: what this key may use, and nothing else. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "support/alloc_fail.h"
#include "support/played_gateway.h"
#include "controller/routes.h"

static int rig_up(void **state)
{
    (void)state;
    rig_open(rig_only_enter(), controller_routes);
    rig_publish();
    return 0;
}

static int rig_down(void **state)
{
    (void)state;
    rig_close();
    return 0;
}

static void get(const char *key, const char *path)
{
    fake_request(HTTP_GET, "GET", path);
    fake_field("x-api-key", key);
    rig_serve();
    assert_true(fake.ended);
    fake_done(true);
}

#define FAST                                                                                       \
    "{\"id\":\"fast\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"gpu-box\","       \
    "\"context_window\":131072,\"max_tokens\":8192,\"modalities\":[\"text\",\"image\"]}"
#define SLOW "{\"id\":\"Org/slow\",\"object\":\"model\",\"created\":0,\"owned_by\":\"gpu-box\"}"

static void the_list_has_what_the_key_may_use(void **state)
{
    (void)state;
    get("sk-plain", "/v1/models");
    assert_int_equal(fake.status, 200);
    assert_string_equal(fake_answer_field("content-type"), "application/json");
    assert_string_equal(fake.body, "{\"object\":\"list\",\"data\":[" SLOW "," FAST "]}");
    get("sk-narrow", "/v1/models");
    assert_string_equal(fake.body, "{\"object\":\"list\",\"data\":[" FAST "]}");
}

static void one_model_is_told(void **state)
{
    (void)state;
    get("sk-plain", "/v1/models/fast");
    assert_int_equal(fake.status, 200);
    assert_string_equal(fake.body, FAST);
    get("sk-plain", "/v1/models/Org/slow"); /* names may hold a slash */
    assert_string_equal(fake.body, SLOW);
    get("sk-plain", "/v1/models/Org%2Fslow");
    assert_string_equal(fake.body, SLOW);
}

/* As get, by a client of the other dialect. */
static void get_as_messages(const char *key, const char *path)
{
    fake_request(HTTP_GET, "GET", path);
    fake_field("x-api-key", key);
    fake_field("anthropic-version", "2023-06-01");
    rig_serve();
    assert_true(fake.ended);
    fake_done(true);
}

#define FAST_CARD                                                                                  \
    "{\"type\":\"model\",\"id\":\"fast\",\"display_name\":\"fast\",\"created_at\":"                \
    "\"2023-11-14T22:13:20.500Z\",\"lifecycle\":\"active\",\"max_input_tokens\":131072,"           \
    "\"max_tokens\":8192}"
#define SLOW_CARD                                                                                  \
    "{\"type\":\"model\",\"id\":\"Org/slow\",\"display_name\":\"Org/slow\",\"created_at\":"        \
    "\"1970-01-01T00:00:00.000Z\",\"lifecycle\":\"active\"}"

static void the_clients_version_decides_the_shape(void **state)
{
    (void)state;
    get_as_messages("sk-plain", "/v1/models");
    assert_int_equal(fake.status, 200);
    assert_string_equal(fake.body, "{\"data\":[" SLOW_CARD "," FAST_CARD "],\"has_more\":false,"
                                   "\"first_id\":\"Org/slow\",\"last_id\":\"fast\"}");
    get_as_messages("sk-narrow", "/v1/models");
    assert_string_equal(fake.body, "{\"data\":[" FAST_CARD "],\"has_more\":false,"
                                   "\"first_id\":\"fast\",\"last_id\":\"fast\"}");
    get_as_messages("sk-plain", "/v1/models/Org%2Fslow");
    assert_string_equal(fake.body, SLOW_CARD);
    get_as_messages("sk-plain", "/v1/models/none");
    assert_int_equal(fake.status, 404);
    assert_non_null(strstr(fake.body, "\"type\":\"not_found_error\""));
}

#define PAGE(cards, more, first, last)                                                             \
    "{\"data\":[" cards "],\"has_more\":" more ",\"first_id\":" first ",\"last_id\":" last "}"

static void pages_are_turned_both_ways(void **state)
{
    static const struct {
        const char *query, *page;
    } table[] = {
        {"limit=2",                       PAGE(SLOW_CARD "," FAST_CARD, "false", "\"Org/slow\"", "\"fast\"")    },
        {"limit=1",                       PAGE(SLOW_CARD,               "true",  "\"Org/slow\"", "\"Org/slow\"")},
        {"limit=1&after_id=Org/slow",     PAGE(FAST_CARD,               "false", "\"fast\"",     "\"fast\"")    },
        {"after_id=Org%2Fslow&beta=true", PAGE(FAST_CARD,               "false", "\"fast\"",     "\"fast\"")    },
        {"after_id=fast",                 PAGE("",                      "false", "null",         "null")        },
        {"before_id=fast",                PAGE(SLOW_CARD,               "false", "\"Org/slow\"", "\"Org/slow\"")},
        {"before_id=Org/slow",            PAGE("",                      "false", "null",         "null")        },
        {"limit=1&before_id=zz",          PAGE(FAST_CARD,               "true",  "\"fast\"",     "\"fast\"")    },
 /* of models that are not there (any more), too */
        {"after_id=Org/slo",              PAGE(SLOW_CARD "," FAST_CARD, "false", "\"Org/slow\"", "\"fast\"")    },
        {"after_id=Org/slower",           PAGE(FAST_CARD,               "false", "\"fast\"",     "\"fast\"")    },
    };
    char path[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        snprintf(path, sizeof(path), "/v1/models?%s", table[i].query);
        get_as_messages("sk-plain", path);
        assert_int_equal(fake.status, 200);
        assert_string_equal(fake.body, table[i].page);
    }
    get("sk-plain", "/v1/models?limit=1"); /* OpenAI's list has one page */
    assert_string_equal(fake.body, "{\"object\":\"list\",\"data\":[" SLOW "," FAST "]}");
    get("sk-plain", "/v1/models?limit=none");
    assert_int_equal(fake.status, 200);
}

static void what_is_no_page_is_refused(void **state)
{
    static const char *const queries[] = {"limit=0",   "limit=1001",      "limit=-1",
                                          "limit=a",   "limit=1&limit=2", "after_id=a&before_id=b",
                                          "after_id=%"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        snprintf(path, sizeof(path), "/v1/models?%s", queries[i]);
        get_as_messages("sk-plain", path);
        assert_int_equal(fake.status, 400);
        assert_non_null(strstr(fake.body, "\"type\":\"invalid_request_error\""));
    }
}

static void another_is_not_there(void **state)
{
    static const char *const paths[] = {"/v1/models/none", "/v1/models/Org", "/v1/models/%",
                                        "/v1/models/fast/", "/v1/models/FAST"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        get("sk-plain", paths[i]);
        assert_int_equal(fake.status, 404);
        assert_non_null(strstr(fake.body, "\"param\":\"model\",\"code\":\"model_not_found\""));
    }
    get("sk-narrow", "/v1/models/Org/slow"); /* not for this key: as if it were not there */
    assert_int_equal(fake.status, 404);
}

static void memory_may_end_anywhere(void **state)
{
    static const struct {
        const char *path;
        bool as_messages;
    } table[] = {
        {"/v1/models",         false},
        {"/v1/models?limit=2", true },
        {"/v1/models/%66ast",  false}
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        for (unsigned n = 1;; n++) {
            fake_request(HTTP_GET, "GET", table[i].path);
            fake_field("x-api-key", "sk-plain");
            if (table[i].as_messages)
                fake_field("anthropic-version", "2023-06-01");
            alloc_fail_at(n);
            rig_serve();
            bool hit = alloc_fail_hit();
            alloc_fail_at(0);
            assert_true(fake.ended);
            fake_done(true);
            if (!hit)
                break;
        }
        assert_int_equal(fake.status, 200);
    }
}

int main(void)
{
#define RIGGED(test) cmocka_unit_test_setup_teardown(test, rig_up, rig_down)
    const struct CMUnitTest tests[] = {
        RIGGED(the_list_has_what_the_key_may_use),
        RIGGED(one_model_is_told),
        RIGGED(the_clients_version_decides_the_shape),
        RIGGED(pages_are_turned_both_ways),
        RIGGED(what_is_no_page_is_refused),
        RIGGED(another_is_not_there),
        RIGGED(memory_may_end_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
