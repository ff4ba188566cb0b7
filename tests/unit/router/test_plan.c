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

static const struct adapter_op chat_op;
static const struct adapter able = {.name = "able", .ops = {[CALL_CHAT] = &chat_op}};
static const struct adapter unable = {.name = "unable"};

static const struct target primary[] = {
    {.provider = SLICE_INIT("a"), .adapter = &able  },
    {.provider = SLICE_INIT("b"), .adapter = &unable},
    {.provider = SLICE_INIT("c"), .adapter = &able  }
};
static const struct target spare[] = {
    {.provider = SLICE_INIT("d"), .adapter = &able}
};
static const struct slice fallbacks[] = {SLICE_INIT("spare"), SLICE_INIT("gone"),
                                         SLICE_INIT("main"), SLICE_INIT("spare")};
static const struct registry_model models[] = {
    {.name = SLICE_INIT("main"),
     .targets = primary,
     .targets_len = 3,
     .fallback = fallbacks,
     .fallback_len = 4},
    {.name = SLICE_INIT("spare"),           .targets = spare, .targets_len = 1},
    {.name = SLICE_INIT("empty")         },
};

/* the registry of this test: found instead of the library's */
const struct registry_model *registry_find(const struct registry *r, struct slice name)
{
    (void)r;
    for (size_t i = 0; i < ARRAY_LEN(models); i++)
        if (slice_eq(models[i].name, name))
            return &models[i];
    return NULL;
}

static void assert_plan(const struct registry_model *model, const char *providers)
{
    struct arena arena;
    struct plan plan;
    char got[32] = "";
    size_t n = 0;

    arena_init(&arena, 0);
    assert_int_equal(plan_make(NULL, model, CALL_CHAT, &arena, &plan), OK);
    for (size_t i = 0; i < plan.len; i++)
        got[n++] = plan.targets[i]->provider.at[0];
    assert_string_equal(got, providers);
    arena_clear(&arena);
}

static void own_targets_come_first_then_fallbacks_each_once(void **state)
{
    (void)state;
    assert_plan(&models[0], "acd");
}

static void a_model_without_fallback_has_its_own_targets(void **state)
{
    (void)state;
    assert_plan(&models[1], "d");
}

static void a_model_without_targets_has_an_empty_plan(void **state)
{
    (void)state;
    assert_plan(&models[2], "");
}

static void out_of_memory_is_told(void **state)
{
    struct arena arena;
    struct plan plan;

    (void)state;
    arena_init(&arena, 0);
    alloc_fail_at(1);
    assert_int_equal(plan_make(NULL, &models[0], CALL_CHAT, &arena, &plan), -ENOMEM);
    assert_true(alloc_fail_hit());
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_targets_come_first_then_fallbacks_each_once),
        cmocka_unit_test(a_model_without_fallback_has_its_own_targets),
        cmocka_unit_test(a_model_without_targets_has_an_empty_plan),
        cmocka_unit_test(out_of_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
