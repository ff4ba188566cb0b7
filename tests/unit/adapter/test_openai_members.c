/* test_openai_members.c: rules of members: that every row's fit, and what no fixture can show: any
 * of them together in any order, memory that runs out. */

#include "adapter/openai.h"
#include "adapter/openai_like.h"
#include "adapter/registry.h"
#include "codec/json.h"
#include "support/alloc_fail.h"
#include "support/whole_body.h"
#include "wire/call_reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static const char *const models[] = {"o1", "o3-mini", "o4-mini", "gpt-5", "gpt-4o", "other"};

static bool is_met(const struct openai_member *rule, const char *model)
{
    return !rule->models || slice_starts(slice_str(model), slice_str(rule->models));
}

/* How often a name is asked for by the rules that meet in the model. */
static unsigned times_named(const struct openai_member *rules, const char *name, const char *model)
{
    unsigned n = 0;

    for (; rules->name; rules++)
        if (is_met(rules, model)) {
            n += strcmp(rules->name, name) == 0;
            n += rules->act == OPENAI_RENAME && strcmp(rules->text, name) == 0;
        }
    return n;
}

static void check_rules(const struct openai_member *rules, const char *model)
{
    size_t met = 0;

    for (const struct openai_member *rule = rules; rule->name; rule++) {
        if (!is_met(rule, model))
            continue;
        met++;
        assert_int_equal(times_named(rules, rule->name, model), 1);
        assert_int_equal(rule->text != NULL,
                         rule->act == OPENAI_RENAME || rule->act == OPENAI_CLAMP);
        assert_null(strpbrk(rule->name, "\"\\"));
    }
    assert_true(met <= OPENAI_MEMBERS_MAX);
}

static void rules_of_every_row_fit(void **state)
{
    (void)state;
    for (size_t i = 0; i < OPENAI_LIKE_LEN; i++) {
        const struct openai_rules *row = openai_like[i].row;
        for (size_t m = 0; row->members && m < ARRAY_LEN(models); m++)
            check_rules(row->members, models[m]);
    }
}

static struct slice encode(const char *body, struct arena *a, int *ret_rc)
{
    struct target t = {
        .adapter = adapter_find(SLICE("mistral")),
        .authority = SLICE("example.org"),
        .upstream_model = SLICE("m"),
    };
    struct call call = {.kind = CALL_CHAT};
    struct http_message m;
    struct fault fault;

    assert_true(call_read(&call, slice_str(body), a, &fault));
    *ret_rc = t.adapter->ops[CALL_CHAT]->encode(&t, &call, a, &m, &fault);
    return *ret_rc < 0 ? (struct slice){0} : whole_body(a, &m);
}

/* The dropped and the kept in every order of six: no comma is left over or missing. */
static void commas_of_every_order(void **state)
{
    static const char *const parts[] = {
        "\"model\":\"m\"",   "\"user\":\"u\"",     " \"store\" : [1,{\"a\":2}] ",
        "\"messages\":[{}]", "\"logprobs\":false", "\"x\":1",
    };
    enum { N = ARRAY_LEN(parts), ORDERS = 720 };

    (void)state;
    for (unsigned order = 0; order < ORDERS; order++) {
        char body[512] = "{";
        bool used[N] = {false};
        unsigned rest = order;
        for (unsigned left = N; left > 0; left--) {
            unsigned nth = rest % left, i = 0;
            rest /= left;
            for (;; i++)
                if (!used[i] && nth-- == 0)
                    break;
            used[i] = true;
            size_t at = strlen(body);
            snprintf(body + at, sizeof(body) - at, "%s%s", parts[i], left > 1 ? "," : "}");
        }
        struct arena arena;
        struct json_error why;
        int rc;
        arena_init(&arena, 0);
        struct slice sent = encode(body, &arena, &rc);
        assert_int_equal(rc, OK);
        if (!json_is_valid(sent, &why) || slice_find(sent, SLICE("user")) < sent.len ||
            slice_find(sent, SLICE("store")) < sent.len ||
            slice_find(sent, SLICE("\"x\":1")) == sent.len)
            fail_msg("%s: %.*s", body, SLICE_FMT(sent));
        arena_clear(&arena);
    }
}

static void a_body_without_them_is_untouched(void **state)
{
    const char *body = " {\"model\":\"m\" ,\"messages\":[{\"user\":1}],\"temperature\":1.50 }\n";
    struct arena arena;
    int rc;

    (void)state;
    arena_init(&arena, 0);
    assert_true(slice_eq(encode(body, &arena, &rc), slice_str(body)));
    arena_clear(&arena);
}

static void numbers_are_clamped_by_value(void **state)
{
    static const struct {
        const char *given, *sent;
    } table[] = {
        {"1.5",    "1.5"  },
        {"1.5001", "1.5"  },
        {"15e-1",  "15e-1"},
        {"2E0",    "1.5"  },
        {"-3",     "-3"   },
        {"1e999",  "1.5"  },
        {"null",   "null" },
        {"\"2\"",  "\"2\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char body[128], expected[128];
        struct arena arena;
        int rc;
        const char *format = "{\"model\":\"m\",\"messages\":[{}],\"temperature\":%s}";
        arena_init(&arena, 0);
        snprintf(body, sizeof(body), format, table[i].given);
        snprintf(expected, sizeof(expected), format, table[i].sent);
        struct slice sent = encode(body, &arena, &rc);
        if (!slice_eq(sent, slice_str(expected)))
            fail_msg("%s: %.*s", body, SLICE_FMT(sent));
        arena_clear(&arena);
    }
}

/* A refusal needs no memory but for its words. */
static void refused_without_memory(void **state)
{
    struct call call = {.kind = CALL_CHAT};
    struct target t = {.adapter = adapter_find(SLICE("groq")), .upstream_model = SLICE("m")};
    struct slice body = SLICE("{\"model\":\"m\",\"messages\":[{}],\"logit_bias\":{\"1\":2}}");

    (void)state;
    for (unsigned n = 1;; n++) {
        struct arena arena;
        struct http_message m;
        struct fault fault = {0};
        arena_init(&arena, 0);
        assert_true(call_read(&call, body, &arena, &fault));
        alloc_fail_at(n);
        int rc = t.adapter->ops[CALL_CHAT]->encode(&t, &call, &arena, &m, &fault);
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        assert_true(rc == -EINVAL || (hit && rc == -ENOMEM));
        if (rc == -EINVAL)
            assert_int_equal(fault.kind, FAULT_UNSUPPORTED);
        arena_clear(&arena);
        if (!hit)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_of_every_row_fit),
        cmocka_unit_test(commas_of_every_order),
        cmocka_unit_test(a_body_without_them_is_untouched),
        cmocka_unit_test(numbers_are_clamped_by_value),
        cmocka_unit_test(refused_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
