/* test_usage_log_repo.c: rows come back newest first, page by page, by every filter. */

#include "repository/usage_log_repo.h"

#include "model/outcome.h"
#include "repository/usage_repo.h"

#include "store_rig.h"

#include <errno.h>
#include <stdio.h>

static const uint64_t noon = 1769860800000000; /* 2026-01-31T12:00:00Z */
enum { ROWS = 50, SECOND = 1000000 };

/* Row n was made n seconds past noon; 10 at a time in one millisecond. */
static struct record record_of(unsigned n)
{
    struct record r = {
        .created_wall_us = noon + n / 10 * SECOND,
        .user_id = 1 + n % 2,
        .key_id = 1 + n % 5,
        .http_status = 200,
        .status = n % 10 == 7 ? OUTCOME_CLIENT_ERROR : OUTCOME_OK,
    };
    r.id = record_id_new(r.created_wall_us);
    snprintf(r.request_id, sizeof(r.request_id), "r%u", n);
    snprintf(r.endpoint, sizeof(r.endpoint), "/v1/chat/completions");
    snprintf(r.requested_model, sizeof(r.requested_model), "%s", n % 3 ? "a" : "b");
    snprintf(r.served_model, sizeof(r.served_model), "%s", n % 3 == 1 ? "c" : "a");
    snprintf(r.provider, sizeof(r.provider), "p%u", n % 4);
    return r;
}

static void fill(struct store_rig *r)
{
    struct record records[ROWS];

    for (unsigned n = 0; n < ROWS; n++)
        records[n] = record_of(n);
    assert_int_equal(usage_repo_put(r->db, records, ROWS), OK);
}

static int page_behind(struct store_rig *r, const struct usage_log_wish *wish,
                       const struct usage_log *after, size_t limit, struct usage_log **ret,
                       size_t *ret_len)
{
    struct usage_log_wish more = *wish;

    more.after_id = after->at[USAGE_LOG_ID];
    more.after_created_at = after->at[USAGE_LOG_CREATED_AT];
    more.limit = limit;
    return usage_log_repo_page(r->db, &more, &r->arena, ret, ret_len);
}

/* How many rows there are by that wish, read in pages of that size; checks order and uniqueness. */
static size_t count(struct store_rig *r, const struct usage_log_wish *wish, size_t page)
{
    struct usage_log last = {0};
    size_t total = 0, n = 0;

    do {
        struct usage_log *rows;
        assert_int_equal(page_behind(r, wish, &last, page, &rows, &n), OK);
        assert_true(n <= page);
        for (size_t i = 0; i < n; i++) {
            struct slice id = rows[i].at[USAGE_LOG_ID], before = last.at[USAGE_LOG_ID];
            assert_true(!before.at || memcmp(id.at, before.at, id.len) < 0);
            last = rows[i];
        }
        total += n;
    } while (n == page);
    return total;
}

static void pages_have_every_row_once(void **state)
{
    struct store_rig *r = *state;
    struct usage_log_wish all = {0};

    fill(r);
    for (size_t page = 1; page <= ROWS + 1; page += 7)
        assert_int_equal(count(r, &all, page), ROWS);
}

static void rows_that_come_meanwhile_move_nothing(void **state)
{
    struct store_rig *r = *state;
    struct usage_log_wish all = {0};
    struct usage_log none = {0}, *first, *second, *again;
    size_t n;

    fill(r);
    assert_int_equal(page_behind(r, &all, &none, 10, &first, &n), OK);
    assert_int_equal(page_behind(r, &all, &first[9], 10, &second, &n), OK);
    struct record late = record_of(999);
    assert_int_equal(usage_repo_put(r->db, &late, 1), OK);
    assert_int_equal(page_behind(r, &all, &first[9], 10, &again, &n), OK);
    assert_int_equal(n, 10);
    for (size_t i = 0; i < n; i++)
        assert_true(slice_eq(second[i].at[USAGE_LOG_ID], again[i].at[USAGE_LOG_ID]));
}

static void every_filter_filters(void **state)
{
    struct store_rig *r = *state;
    static const struct {
        struct usage_log_wish wish;
        size_t expected;
    } cases[] = {
        {{.from_wall_us = 1769860802000000},                                 30},
        {{.to_wall_us = 1769860802000000},                                   20},
        {{.from_wall_us = 1769860801000000, .to_wall_us = 1769860802000000}, 10},
        {{.from_wall_us = 1769860800001000},                                 40},
        {{.status = SLICE_INIT("client_error")},                             5 },
        {{.model = SLICE_INIT("b")},                                         17},
        {{.model = SLICE_INIT("c")},                                         17},
        {{.model = SLICE_INIT("a")},                                         50},
        {{.provider = SLICE_INIT("p3")},                                     12},
        {{.request_id = SLICE_INIT("r42")},                                  1 },
        {{.request_id = SLICE_INIT("r42'")},                                 0 },
        {{.user_id = 2},                                                     25},
        {{.key_id = 5},                                                      10},
        {{.user_id = 2, .key_id = 5, .status = SLICE_INIT("ok")},            5 },
    };

    fill(r);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (count(r, &cases[i].wish, 7) != cases[i].expected)
            fail_msg("case %zu: %zu", i, count(r, &cases[i].wish, 7));
}

static void a_row_tells_every_column(void **state)
{
    struct store_rig *r = *state;
    struct usage_log_wish all = {0};
    struct usage_log none = {0}, *rows;
    struct record record = record_of(1);
    size_t n;

    record.stream = 1;
    record.prompt_tokens = 5;
    assert_int_equal(usage_repo_put(r->db, &record, 1), OK);
    assert_int_equal(page_behind(r, &all, &none, 10, &rows, &n), OK);
    assert_int_equal(n, 1);
    static const struct {
        unsigned column;
        const char *value;
    } expected[] = {
        {1,  "r1"                      },
        {2,  "2026-01-31T12:00:00.000Z"},
        {3,  "2"                       },
        {6,  "a"                       },
        {9,  "1"                       },
        {10, "ok"                      },
        {12, ""                        },
        {14, "0"                       },
        {15, "5"                       },
        {23, ""                        },
        {25, "0"                       },
    };
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        if (!slice_eq(rows->at[expected[i].column], slice_str(expected[i].value)))
            fail_msg("%s is %.*s", usage_log_columns[expected[i].column].name,
                     SLICE_FMT(rows->at[expected[i].column]));
}

static void what_is_no_row_is_refused(void **state)
{
    struct store_rig *r = *state;
    struct usage_log_wish all = {0};
    struct usage_log after = {0}, *rows;
    size_t n;

    after.at[USAGE_LOG_ID] = SLICE("' OR 1=1");
    after.at[USAGE_LOG_CREATED_AT] = SLICE("2026-01-31T12:00:00.000Z");
    assert_int_equal(page_behind(r, &all, &after, 1, &rows, &n), -EINVAL);
    after.at[USAGE_LOG_ID] = SLICE("01020304-0506-7008-8000-000000000009");
    after.at[USAGE_LOG_CREATED_AT] = SLICE("yesterday");
    assert_int_equal(page_behind(r, &all, &after, 1, &rows, &n), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(pages_have_every_row_once), STORE_TEST(rows_that_come_meanwhile_move_nothing),
        STORE_TEST(every_filter_filters),      STORE_TEST(a_row_tells_every_column),
        STORE_TEST(what_is_no_row_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
