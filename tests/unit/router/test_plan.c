/* test_plan.c: model → targets in order, by table. */

#include "router/plan.h"

#include "adapter/adapter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/alloc_fail.h"

#include <errno.h>
#include <stdlib.h>

static const struct adapter_op chat_op;
static const struct adapter able = {.name = "able", .ops = {[CALL_CHAT] = &chat_op}};
static const struct adapter unable = {.name = "unable"};

/* A target is called by one letter, its provider. */
#define ABLE(letter)                                                                               \
    {                                                                                              \
        .provider = SLICE_INIT(letter), .adapter = &able                                           \
    }
#define UNABLE(letter)                                                                             \
    {                                                                                              \
        .provider = SLICE_INIT(letter), .adapter = &unable                                         \
    }

static const struct target of_main[] = {ABLE("a"), ABLE("b"), ABLE("c")};
static const struct target of_spare[] = {ABLE("d"), ABLE("e")};
static const struct target of_last[] = {ABLE("f")};
static const struct target of_mixed[] = {UNABLE("u"), ABLE("g"), UNABLE("v")};
static const struct target of_mute[] = {UNABLE("w")};

#define TARGETS(list)   .targets = (list), .targets_len = ARRAY_LEN(list)
#define FALLBACKS(list) .fallback = (list), .fallback_len = ARRAY_LEN(list)

static const struct registry_model spare = {TARGETS(of_spare)};
static const struct registry_model last = {TARGETS(of_last)};
static const struct registry_model mixed = {TARGETS(of_mixed)};
static const struct registry_model empty;

/* itself too, and one of them twice */
static const struct registry_model main_model;
static const struct registry_model *const after_main[] = {&spare, &empty, &main_model, &last,
                                                          &spare};
static const struct registry_model main_model = {TARGETS(of_main), FALLBACKS(after_main)};
static const struct registry_model *const after_mute[] = {&empty, &mixed};
static const struct registry_model mute = {TARGETS(of_mute), FALLBACKS(after_mute)};

/* How the targets are, for those that are not well and idle. */
struct condition {
    char target;
    struct plan_health health;
};

struct clinic {
    struct plan_view view;
    const struct condition *conditions; /* ended by 0 */
};

static struct plan_health look(const struct plan_view *view, const struct target *target)
{
    const struct clinic *clinic = container_of(view, struct clinic, view);

    for (const struct condition *c = clinic->conditions; c->target; c++)
        if (c->target == target->provider.at[0])
            return c->health;
    return (struct plan_health){0};
}

struct plan_case {
    const struct registry_model *model;
    struct condition conditions[8];
    const char *targets;
    const char *resting; /* in any order, but that of the alphabet */
    uint64_t rest_ms;
};

#define WAITS(letter, ms)                                                                          \
    {                                                                                              \
        (letter),                                                                                  \
        {                                                                                          \
            .wait_ms = (ms)                                                                        \
        }                                                                                          \
    }
#define CALLS(letter, n)                                                                           \
    {                                                                                              \
        (letter),                                                                                  \
        {                                                                                          \
            .outstanding = (n)                                                                     \
        }                                                                                          \
    }

static const struct plan_case cases[] = {
  /* own targets, then those of the fallbacks, each once */
    {&main_model, {{0}},                                                                         "abcdef", "",       0         },
    {&spare,      {{0}},                                                                         "de",     "",       0         },
    {&empty,      {{0}},                                                                         "",       "",       0         },
 /* who cannot do it is left out, which is no rest */
    {&mixed,      {{0}},                                                                         "g",      "",       0         },
    {&mute,       {{0}},                                                                         "g",      "",       0         },
    {&mute,       {WAITS('w', 5), CALLS('g', 9)},                                                "g",      "",       0         },
 /* least outstanding first, within each model; equals as they are given */
    {&main_model, {CALLS('a', 2), CALLS('b', 1)},                                                "cbadef", "",       0         },
    {&main_model, {CALLS('a', 1), CALLS('c', 1)},                                                "bacdef", "",       0         },
    {&main_model, {CALLS('a', 3), CALLS('b', 3), CALLS('c', 3)},                                 "abcdef", "",       0         },
    {&main_model, {CALLS('a', 9), CALLS('d', UINT64_MAX), CALLS('f', 7)},                        "bcaedf", "",       0         },
 /* open circuits are left out */
    {&main_model, {WAITS('a', 1)},                                                               "bcdef",  "a",      0         },
    {&main_model, {WAITS('a', 9), WAITS('b', 8), WAITS('c', 7)},                                 "def",    "abc",    0         },
    {&main_model, {WAITS('c', 1), CALLS('a', 1), WAITS('e', 1)},                                 "badf",   "ce",     0         },
 /* all open: the nearest to recovery, the first of equals */
    {&spare,      {WAITS('d', 700), WAITS('e', 300)},                                            "e",      "de",     300       },
    {&spare,      {WAITS('d', 300), WAITS('e', 300)},                                            "d",      "de",     300       },
    {&main_model,
     {WAITS('a', 5), WAITS('b', 4), WAITS('c', 6), WAITS('d', 2), WAITS('e', 9), WAITS('f', 3)},
     "d",                                                                                                  "abcdef",
     2                                                                                                                         },
    {&mixed,      {WAITS('g', UINT64_MAX), WAITS('u', 1)},                                       "g",      "g",      UINT64_MAX},
    {&last,       {{'f', {.wait_ms = 60000, .outstanding = 3}}},                                 "f",      "f",      60000     },
};

static int compare_letters(const void *a, const void *b)
{
    return *(const char *)a - *(const char *)b;
}

static void assert_letters(const struct target *const *targets, size_t len, bool sorted,
                           const char *expected, size_t which)
{
    char got[16] = "";

    assert_true(len < sizeof(got));
    for (size_t i = 0; i < len; i++)
        got[i] = targets[i]->provider.at[0];
    if (sorted)
        qsort(got, len, 1, compare_letters);
    if (strcmp(got, expected) != 0)
        fail_msg("case %zu: %s, should be %s", which, got, expected);
}

static void plans_are_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct plan_case *c = &cases[i];
        struct clinic clinic = {{look}, c->conditions};
        struct arena arena;
        struct plan plan;
        arena_init(&arena, 0);
        assert_int_equal(plan_make(c->model, CALL_CHAT, &clinic.view, &arena, &plan), OK);
        assert_ptr_equal(plan.model, c->model);
        assert_letters(plan.targets, plan.len, false, c->targets, i);
        assert_letters(plan.resting, plan.resting_len, true, c->resting, i);
        assert_int_equal(plan.rest_ms, c->rest_ms);
        arena_clear(&arena);
    }
}

static void the_rest_is_that_of_the_first_who_may_be_used(void **state)
{
    struct condition conditions[] = {WAITS('d', 700), WAITS('e', 300), {0}};
    struct clinic clinic = {{look}, conditions};
    struct arena arena;
    struct plan plan;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(plan_make(&spare, CALL_CHAT, &clinic.view, &arena, &plan), OK);
    assert_int_equal(plan_rest_ms(&plan, &clinic.view), 300);
    conditions[1].health.wait_ms = 5000; /* it was tried, and failed again */
    assert_int_equal(plan_rest_ms(&plan, &clinic.view), 700);
    conditions[0].health.wait_ms = 0;
    assert_int_equal(plan_rest_ms(&plan, &clinic.view), 1);
    assert_int_equal(plan_make(&last, CALL_CHAT, &clinic.view, &arena, &plan), OK);
    assert_int_equal(plan_rest_ms(&plan, &clinic.view), 1);
    arena_clear(&arena);
}

static void out_of_memory_is_told(void **state)
{
    static const struct condition well[1];
    struct clinic clinic = {{look}, well};

    (void)state;
    for (unsigned n = 1;; n++) {
        struct arena arena;
        struct plan plan;
        arena_init(&arena, 0);
        alloc_fail_at(n);
        int rc = plan_make(&main_model, CALL_CHAT, &clinic.view, &arena, &plan);
        bool hit = alloc_fail_hit();
        arena_clear(&arena);
        assert_int_equal(rc, hit ? -ENOMEM : OK);
        if (!hit)
            break;
        assert_int_equal(plan.len, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_are_as_the_table_says),
        cmocka_unit_test(the_rest_is_that_of_the_first_who_may_be_used),
        cmocka_unit_test(out_of_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
