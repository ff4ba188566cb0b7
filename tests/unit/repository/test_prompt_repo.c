/* test_prompt_repo.c: stored prompts come back as they were, newest first, and no page is longer
 * than memory allows. */

#include "repository/prompt_repo.h"

#include "support/store_rig.h"

static const uint64_t noon = 1769860800000000; /* 2026-01-31T12:00:00Z */
enum { ROWS = 30, SECOND = 1000000, LONG = 512 * 1024, PAGE_MOST = 4 << 20 };

/* Row n was made n seconds past noon. */
static void fill(struct store_rig *r, struct slice text)
{
    for (unsigned n = 0; n < ROWS; n++) {
        const uint64_t wall_us = noon + (uint64_t)n * SECOND;
        const struct prompt p = {
            .id = record_id_new(wall_us),
            .created_wall_us = wall_us,
            .user_id = 1 + n % 2,
            .key_id = 1 + n % 5,
            .request_id = n % 10 ? SLICE("other") : SLICE("tenth"),
            .endpoint = SLICE("/v1/chat/completions"),
            .model = n % 3 ? SLICE("a") : SLICE("b"),
            .status = OUTCOME_OK,
            .mode = PROMPTS_FULL,
            .request = text,
            .answer = text,
        };
        assert_int_equal(prompt_repo_put(r->db, &p, 1), OK);
    }
}

/* How many rows there are by that wish; *ret_pages in so many pages. */
static size_t count(struct store_rig *r, const struct log_wish *wish, size_t text,
                    size_t *ret_pages)
{
    struct log_wish more = *wish;
    struct log_page page;
    size_t total = 0;

    *ret_pages = 0;
    do {
        size_t bytes = 0;
        assert_int_equal(prompt_repo_page(r->db, &more, &r->arena, &page), OK);
        const struct prompt_log *rows = page.rows;
        for (size_t i = 0; i < page.len; i++)
            for (size_t k = 0; k < PROMPT_LOG_COLUMNS; k++)
                bytes += rows[i].at[k].len;
        assert_true(page.len <= wish->limit && bytes < PAGE_MOST + 2 * text + 1000);
        total += page.len;
        ++*ret_pages;
        more.after = page.next;
    } while (page.next.id.len);
    return total;
}

static void every_filter_filters(void **state)
{
    struct store_rig *r = *state;
    static const struct {
        struct log_wish wish;
        size_t expected;
    } cases[] = {
        {{.limit = 20},                                                  30},
        {{.limit = 20, .from_wall_us = 1769860810000000},                20},
        {{.limit = 20, .to_wall_us = 1769860810000000},                  10},
        {{.limit = 20, .request_id = SLICE_INIT("tenth")},               3 },
        {{.limit = 20, .request_id = SLICE_INIT("tenth"), .user_id = 2}, 0 },
        {{.limit = 20, .model = SLICE_INIT("b")},                        10},
        {{.limit = 20, .key_id = 5},                                     6 },
    };
    size_t pages;

    fill(r, SLICE("hello"));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (count(r, &cases[i].wish, 5, &pages) != cases[i].expected)
            fail_msg("case %zu", i);
}

static void a_page_of_long_prompts_is_short(void **state)
{
    struct store_rig *r = *state;
    const struct log_wish all = {.limit = 20}, some = {.limit = 20, .request_id = SLICE("tenth")};
    char *text = malloc(LONG);
    size_t pages;

    memset(text, 'x', LONG);
    fill(r, slice_of(text, LONG));
    assert_int_equal(count(r, &all, LONG, &pages), ROWS);
    assert_true(pages >= ROWS / 5);
    assert_int_equal(count(r, &some, LONG, &pages), 3);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(every_filter_filters),
        STORE_TEST(a_page_of_long_prompts_is_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
