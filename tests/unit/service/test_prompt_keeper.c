/* test_prompt_keeper.c: what waits is bounded and counted, and is in the store in the end. */

#include "service/prompt_keeper.h"

#include "repository/repository.h"
#include "store/db.h"
#include "support/alloc_fail.h"
#include "support/db_rig.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

struct rig {
    struct scratch scratch;
    char url[SCRATCH_PATH];
    struct prompt_keeper *keeper;
};

/* Upper case is what cannot be prepared. */
static int prepare(const void *owner, struct prompt *p, struct arena *a)
{
    (void)owner;
    (void)a;
    return p->request.len && p->request.at[0] == 'X' ? -ENOMEM : OK;
}

static struct prompt_keeper_options options_of(const struct rig *r)
{
    return (struct prompt_keeper_options){.store = slice_str(r->url),
                                          .mode = PROMPTS_FULL,
                                          .queue_bytes = 1024 * 1024,
                                          .text_bytes = 1000,
                                          .prepare = prepare};
}

static int set_up(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    char why[REPOSITORY_WHY];
    struct db *db;

    scratch_make(&r->scratch);
    scratch_path(&r->scratch, "sqlite:", "courier.db", r->url);
    assert_int_equal(repository_open(slice_str(r->url), why, &db), OK);
    assert_int_equal(repository_migrate(db, NULL, why), OK);
    repository_close(db);
    const struct prompt_keeper_options options = options_of(r);
    assert_int_equal(prompt_keeper_start(&options, &r->keeper), OK);
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *r = *state;

    prompt_keeper_stop(r->keeper, 0);
    scratch_remove(&r->scratch);
    free(r);
    return 0;
}

static uint64_t dropped(const struct rig *r)
{
    return prompt_keeper_figures(r->keeper)->dropped;
}

static struct prompt_draft *draft(struct rig *r, const char *text)
{
    struct prompt_draft *d = prompt_draft_new(r->keeper, slice_str(text));

    assert_non_null(d);
    d->prompt.id = record_id_new(1700000000000000);
    d->prompt.created_wall_us = 1700000000000000;
    d->prompt.endpoint = SLICE("/v1/chat/completions");
    return d;
}

static uint64_t rows(const struct rig *r, const char *sql)
{
    char why[REPOSITORY_WHY];
    struct db *db;

    assert_int_equal(repository_open(slice_str(r->url), why, &db), OK);
    uint64_t n = (uint64_t)db_rig_number(db, sql);
    repository_close(db);
    return n;
}

static void end(struct rig *r)
{
    prompt_keeper_stop(r->keeper, 60000);
    r->keeper = NULL;
}

static void what_is_handed_over_is_stored(void **state)
{
    struct rig *r = *state;
    const struct slice pieces[] = {SLICE_INIT("an "), SLICE_INIT("answer")};

    for (unsigned i = 0; i < 150; i++) { /* more than a batch */
        struct prompt_draft *d = draft(r, "request");
        assert_true(prompt_draft_add(r->keeper, d, pieces, 2));
        d->prompt.request_id = SLICE("req-1");
        prompt_draft_hand(r->keeper, d);
    }
    end(r);
    assert_int_equal(rows(r, "SELECT count(*) FROM prompt_logs WHERE request = 'request' AND "
                             "answer = 'an answer' AND request_id = 'req-1' AND mode = 'full' "
                             "AND cut IS NULL"),
                     150);
}

static void texts_are_cut_at_their_size(void **state)
{
    struct rig *r = *state;
    static char long_text[1201];
    struct slice piece = slice_of(long_text, 600);

    memset(long_text, 'a', 1200);
    struct prompt_draft *d = draft(r, long_text);
    assert_int_equal(d->prompt.request.len, 1000);
    assert_int_equal(d->prompt.cut, PROMPT_REQUEST_CUT);
    assert_true(prompt_draft_add(r->keeper, d, &piece, 1));
    assert_int_equal(d->prompt.cut, PROMPT_REQUEST_CUT);
    assert_true(prompt_draft_add(r->keeper, d, &piece, 1));
    assert_true(prompt_draft_add(r->keeper, d, &piece, 1));
    assert_int_equal(d->prompt.cut, PROMPT_REQUEST_CUT | PROMPT_ANSWER_CUT);
    assert_int_equal(d->answer.len, 1000);
    prompt_draft_hand(r->keeper, d);
    end(r);
    assert_int_equal(rows(r, "SELECT count(*) FROM prompt_logs WHERE cut = 'both' AND "
                             "length(answer) = 1000"),
                     1);
}

static void without_room_it_is_dropped(void **state)
{
    struct rig *r = *state;
    enum { MOST = 1024 };
    struct prompt_draft *held[MOST];
    static char text[901];
    size_t n = 0;

    memset(text, 'a', 900);
    while (n < MOST && (held[n] = prompt_draft_new(r->keeper, slice_of(text, 900))))
        n++;
    assert_in_range(n, 10, MOST - 1);
    assert_int_equal(dropped(r), 1);
    struct slice piece = slice_of(text, 900);
    assert_false(prompt_draft_add(r->keeper, held[0], &piece, 1) &&
                 prompt_draft_add(r->keeper, held[1], &piece, 1));
    prompt_draft_drop(r->keeper, held[0], true);
    assert_int_equal(dropped(r), 2);
    for (size_t i = 1; i < n; i++)
        prompt_draft_drop(r->keeper, held[i], false);
    assert_int_equal(dropped(r), 2);
    prompt_draft_drop(r->keeper, draft(r, "there is room again"), false);
}

static void what_cannot_be_prepared_is_not_stored(void **state)
{
    struct rig *r = *state;

    prompt_draft_hand(r->keeper, draft(r, "X"));
    prompt_draft_hand(r->keeper, draft(r, "good"));
    end(r);
    assert_int_equal(rows(r, "SELECT count(*) FROM prompt_logs"), 1);
}

static void a_row_is_stored_once(void **state)
{
    struct rig *r = *state;
    struct prompt_draft *first = draft(r, "good"), *second = draft(r, "again");

    second->prompt.id = first->prompt.id;
    prompt_draft_hand(r->keeper, first);
    prompt_draft_hand(r->keeper, second);
    end(r);
    assert_int_equal(rows(r, "SELECT count(*) FROM prompt_logs WHERE request = 'good'"), 1);
    assert_int_equal(rows(r, "SELECT count(*) FROM prompt_logs"), 1);
}

/* A store that is away holds nobody up, not even the end. */
static void a_store_that_is_away(void **state)
{
    struct rig *r = *state;
    struct prompt_keeper_options options = options_of(r);
    struct prompt_keeper *k;

    options.store = SLICE("sqlite:/dev/null/courier.db");
    assert_int_equal(prompt_keeper_start(&options, &k), OK);
    for (unsigned i = 0; i < 4000; i++) {
        struct prompt_draft *d = prompt_draft_new(k, SLICE("lost"));
        if (d)
            prompt_draft_hand(k, d);
    }
    assert_true(prompt_keeper_figures(k)->dropped > 0);
    assert_int_equal(prompt_keeper_figures(k)->stored, 0);
    prompt_keeper_stop(k, 1000);
}

static void without_memory(void **state)
{
    struct rig *r = *state;
    struct slice piece = SLICE("answer");

    alloc_fail_at(1);
    assert_null(prompt_draft_new(r->keeper, SLICE("request")));
    assert_true(alloc_fail_hit());
    assert_int_equal(dropped(r), 1);
    struct prompt_draft *d = draft(r, "request");
    alloc_fail_at(1);
    assert_false(prompt_draft_add(r->keeper, d, &piece, 1));
    assert_true(alloc_fail_hit());
    prompt_draft_drop(r->keeper, d, true);
    assert_int_equal(dropped(r), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_handed_over_is_stored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(texts_are_cut_at_their_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_room_it_is_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_prepared_is_not_stored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_row_is_stored_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_store_that_is_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_memory, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
