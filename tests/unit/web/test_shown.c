/* test_shown.c: what callers chose, as rows, log lines and spans may have it. */

#include "web/shown.h"

#include "web/chain.h"

#include "codec/redact.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static const struct route known = {.path = SLICE_INIT("/v1/models")};
static const struct route named = {.path = SLICE_INIT("/v1/models/{id}")};

struct rig {
    struct redactor *redactor;
    struct chain chain;
    struct arena arena;
    struct server_request request;
    struct exchange x;
};

static int set_up(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    char why[REDACT_WHY];

    assert_non_null(r);
    assert_int_equal(redactor_new(NULL, 0, why, &r->redactor), OK);
    arena_init(&r->arena, 0);
    r->chain.redactor = r->redactor;
    r->x = (struct exchange){.chain = &r->chain, .arena = &r->arena, .request = &r->request};
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *r = *state;

    arena_clear(&r->arena);
    redactor_free(r->redactor);
    free(r);
    return 0;
}

#define assert_slice(got, expected)                                                                \
    do {                                                                                           \
        struct slice got_ = (got);                                                                 \
        if (!slice_eq(got_, SLICE(expected)))                                                      \
            fail_msg("%.*s is not %s", SLICE_FMT(got_), expected);                                 \
    } while (0)

static void texts(void **state)
{
    struct rig *r = *state;
    struct slice plain = SLICE("gpt-4o-mini");

    assert_ptr_equal(shown_text(&r->x, plain).at, plain.at);
    assert_slice(shown_text(&r->x, SLICE("for ann@example.com")), "for [EMAIL]");
    assert_true(shown_as_is(&r->x, plain));
    assert_false(shown_as_is(&r->x, SLICE("ann@example.com")));
    assert_true(shown_as_is(&r->x, SLICE("123e4567-e89b-12d3-a456-426614174000")));
    r->chain.redactor = NULL;
    assert_slice(shown_text(&r->x, SLICE("ann@example.com")), "ann@example.com");
}

static void paths(void **state)
{
    struct rig *r = *state;

    r->request.path = SLICE("/v1/ann@example.com/x");
    assert_slice(shown_path(&r->x), "/v1/[EMAIL]/x");
    assert_slice(shown_endpoint(&r->x), "/v1/[EMAIL]/x");
    r->request.path = SLICE("/v1/ann%40example.com/x");
    assert_slice(shown_path(&r->x), "/v1/[EMAIL]/x");
    r->request.path = SLICE("/v1/a%20b");
    assert_slice(shown_path(&r->x), "/v1/a%20b");
    r->request.path = SLICE("/v1/%zz/ann@example.com");
    assert_slice(shown_path(&r->x), "/v1/%zz/[EMAIL]");
    r->request.path = SLICE("/v1/models/ann@example.com");
    r->x.route = &named;
    assert_slice(shown_path(&r->x), "/v1/models/[EMAIL]");
    assert_slice(shown_endpoint(&r->x), "/v1/models/{id}");
    r->request.path = known.path;
    r->x.route = &known;
    assert_ptr_equal(shown_path(&r->x).at, known.path.at);
}

/* Wherever a long text is cut, nothing of an address is shown. */
static void long_texts(void **state)
{
    static const struct slice mail = SLICE_INIT(" wei.zhang@example.com ");
    struct rig *r = *state;
    char text[2048];

    for (size_t at = 990; at < 1040; at++) {
        memset(text, 'x', sizeof(text));
        memcpy(text + at, mail.at, mail.len);
        struct slice shown = shown_text(&r->x, slice_of(text, sizeof(text)));
        assert_true(shown.len >= 700 && shown.len <= 1024);
        assert_int_equal(slice_find(shown, SLICE("wei")), shown.len);
    }
    for (size_t i = 0; i + mail.len <= sizeof(text); i += mail.len)
        memcpy(text + i, mail.at, mail.len);
    struct slice shown = shown_text(&r->x, slice_of(text, sizeof(text)));
    assert_int_equal(slice_find(shown, SLICE("wei")), shown.len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(texts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(paths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_texts, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
