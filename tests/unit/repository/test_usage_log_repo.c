/* test_usage_log_repo.c: rows come back newest first, page by page, by every filter. */

#include "repository/usage_log_repo.h"

#include "base/clock.h"
#include "model/outcome.h"
#include "repository/usage_repo.h"

#include "support/store_rig.h"

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

static int page_behind(struct store_rig *r, const struct log_wish *wish, struct log_place after,
                       size_t limit, struct log_page *ret)
{
    struct log_wish more = *wish;

    more.after = after;
    more.limit = limit;
    return usage_log_repo_page(r->db, &more, &r->arena, ret);
}

static struct slice column(const struct log_page *page, size_t row, unsigned i)
{
    return ((const struct usage_log *)page->rows)[row].at[i];
}

/* How many rows there are by that wish, read in pages of that size; checks order and uniqueness. */
static size_t count_pages(struct store_rig *r, const struct log_wish *wish, size_t limit,
                          size_t *ret_pages)
{
    struct log_page page = {0};
    struct slice before = SLICE("");
    size_t total = 0;

    *ret_pages = 0;
    do {
        assert_int_equal(page_behind(r, wish, page.next, limit, &page), OK);
        assert_true(page.len <= limit);
        for (size_t i = 0; i < page.len; i++) {
            struct slice id = column(&page, i, USAGE_LOG_ID);
            assert_true(!before.len || memcmp(id.at, before.at, id.len) < 0);
            before = id;
        }
        total += page.len;
        ++*ret_pages;
    } while (page.next.id.len);
    return total;
}

static size_t count(struct store_rig *r, const struct log_wish *wish, size_t limit)
{
    size_t pages, total = count_pages(r, wish, limit, &pages);

    assert_int_equal(pages, total ? (total + limit - 1) / limit : 1);
    return total;
}

static void pages_have_every_row_once(void **state)
{
    struct store_rig *r = *state;
    struct log_wish all = {0};

    fill(r);
    for (size_t page = 1; page <= ROWS + 1; page += 7)
        assert_int_equal(count(r, &all, page), ROWS);
}

static void rows_that_come_meanwhile_move_nothing(void **state)
{
    struct store_rig *r = *state;
    struct log_wish all = {0};
    struct log_page first, second, again;

    fill(r);
    assert_int_equal(page_behind(r, &all, (struct log_place){0}, 10, &first), OK);
    assert_true(slice_eq(first.next.id, column(&first, 9, USAGE_LOG_ID)));
    assert_int_equal(page_behind(r, &all, first.next, 10, &second), OK);
    struct record late = record_of(999);
    assert_int_equal(usage_repo_put(r->db, &late, 1), OK);
    assert_int_equal(page_behind(r, &all, first.next, 10, &again), OK);
    assert_int_equal(again.len, 10);
    for (size_t i = 0; i < again.len; i++)
        assert_true(slice_eq(column(&second, i, USAGE_LOG_ID), column(&again, i, USAGE_LOG_ID)));
}

static void every_filter_filters(void **state)
{
    struct store_rig *r = *state;
    static const struct {
        struct log_wish wish;
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
    struct log_wish all = {0};
    struct log_page page;
    struct record record = record_of(1);

    record.stream = 1;
    record.prompt_tokens = 5;
    assert_int_equal(usage_repo_put(r->db, &record, 1), OK);
    assert_int_equal(page_behind(r, &all, (struct log_place){0}, 10, &page), OK);
    assert_int_equal(page.len, 1);
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
        if (!slice_eq(column(&page, 0, expected[i].column), slice_str(expected[i].value)))
            fail_msg("%s is %.*s", usage_log_columns[expected[i].column].name,
                     SLICE_FMT(column(&page, 0, expected[i].column)));
}

static void what_is_no_row_is_refused(void **state)
{
    struct store_rig *r = *state;
    const struct log_wish all = {0};
    static const struct log_place places[] = {
        {SLICE_INIT("' OR 1=1"),                             SLICE_INIT("2026-01-31T12:00:00.000Z")},
        {SLICE_INIT("01020304-0506-7008-8000-000000000009"), SLICE_INIT("yesterday")               },
        {SLICE_INIT("01020304-0506-7008-8000-000000000009"), SLICE_INIT("")                        },
        {SLICE_INIT(""),                                     SLICE_INIT("2026-01-31T12:00:00.000Z")},
    };
    struct log_page page;

    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        assert_int_equal(page_behind(r, &all, places[i], 1, &page), -EINVAL);
}

/* --- what is rare among many rows --- */

enum { MANY = 12000, BATCH = 1000 };

/* The thread's own ids never go back. */
static struct record_id id_of(uint64_t wall_us, unsigned char last)
{
    struct record_id id = {{0}};

    for (unsigned i = 0; i < 6; i++)
        id.bytes[i] = (unsigned char)(wall_us / 1000 >> (8 * (5 - i)));
    id.bytes[15] = last;
    return id;
}

/* Row n is n seconds past noon. */
static void fill_many(struct store_rig *r)
{
    static struct record records[BATCH];

    for (unsigned n = 0; n < MANY; n++) {
        struct record *at = &records[n % BATCH];
        *at = (struct record){.created_wall_us = noon + (uint64_t)n * SECOND,
                              .user_id = 1,
                              .key_id = n == 17 || n == 9000 ? 2 : 1,
                              .status = OUTCOME_OK};
        at->id = id_of(at->created_wall_us, 1);
        snprintf(at->request_id, sizeof(at->request_id), "call-%u", n % 11999);
        if (n % BATCH == BATCH - 1)
            assert_int_equal(usage_repo_put(r->db, records, BATCH), OK);
    }
}

static void a_search_that_takes_too_long_goes_on_in_the_next_page(void **state)
{
    struct store_rig *r = *state;
    struct log_wish rare = {.key_id = 2, .until_ms = 1}; /* long ago: one piece a page */
    struct log_page page = {0};
    size_t pages;

    fill_many(r);
    assert_int_equal(count_pages(r, &rare, 10, &pages), 2);
    assert_int_equal(pages, MANY / 1000 + 1);
    assert_int_equal(page_behind(r, &rare, page.next, 10, &page), OK);
    assert_int_equal(page.len, 0);
    assert_true(page.next.id.len > 0);

    rare.until_ms = 0;
    assert_int_equal(count_pages(r, &rare, 10, &pages), 2);
    assert_int_equal(pages, 1);
    assert_int_equal(count(r, &rare, 1), 2);
}

static void rows_that_come_do_not_move_a_search(void **state)
{
    struct store_rig *r = *state;
    const struct log_wish rare = {.key_id = 2, .until_ms = 1};
    struct log_page page = {0};
    size_t found = 0;

    fill_many(r);
    do {
        struct record late = {.created_wall_us = noon + (uint64_t)(MANY + found) * SECOND,
                              .user_id = 1,
                              .key_id = 2,
                              .status = OUTCOME_OK};
        assert_int_equal(page_behind(r, &rare, page.next, 10, &page), OK);
        late.id = record_id_new(late.created_wall_us);
        assert_int_equal(usage_repo_put(r->db, &late, 1), OK);
        found += page.len;
    } while (page.next.id.len);
    assert_int_equal(found, 2);
}

static void requests_are_found_in_any_time(void **state)
{
    struct store_rig *r = *state;
    struct log_wish one = {.request_id = SLICE("call-0")};
    const uint64_t last = noon + (uint64_t)(MANY - 1) * SECOND;
    struct log_page page;
    size_t pages;

    fill_many(r);
    assert_int_equal(count(r, &one, 10), 2); /* the first row, and the last */
    assert_int_equal(count(r, &one, 1), 2);
    one.from_wall_us = last;
    assert_int_equal(count(r, &one, 10), 1);
    one.to_wall_us = last;
    assert_int_equal(count(r, &one, 10), 0);
    one.from_wall_us = 0;
    assert_int_equal(count(r, &one, 10), 1);
    one = (struct log_wish){.request_id = SLICE("call-17"), .key_id = 2};
    assert_int_equal(count(r, &one, 10), 1);
    one.key_id = 1;
    assert_int_equal(count(r, &one, 10), 0);
    one = (struct log_wish){.request_id = SLICE("x-call-17")};
    assert_int_equal(count(r, &one, 10), 0);
    one = (struct log_wish){.request_id = SLICE("call-0"), .until_ms = 1};
    assert_int_equal(count_pages(r, &one, 10, &pages), 2);
    assert_int_equal(pages, r->postgres ? 1 : MANY / 1000 + 1); /* by an index, or piece by piece */
    assert_int_equal(page_behind(r, &one, (struct log_place){0}, 10, &page), OK);
    assert_true(slice_eq(column(&page, 0, USAGE_LOG_REQUEST_ID), SLICE("call-0")));
}

/* Whatever an index has of them. */
static void requests_are_found_by_the_whole_of_their_ids(void **state)
{
    struct store_rig *r = *state;
    char longest[sizeof(((struct record *)0)->request_id)];
    const char *const ids[] = {"a",          "ab",        "abc",      "abcdefgh", "abcXdefgh",
                               "abcXYdefgh", "defgh",     "ABCDEFGH", "%",        "abc_efgh",
                               "'abcdefgh'", "abcdefghi", longest};

    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct record record = record_of((unsigned)i);
        snprintf(record.request_id, sizeof(record.request_id), "%s", ids[i]);
        assert_int_equal(usage_repo_put(r->db, &record, 1), OK);
    }
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        const struct log_wish one = {.request_id = slice_str(ids[i]), .limit = 10};
        struct log_page page;
        assert_int_equal(usage_log_repo_page(r->db, &one, &r->arena, &page), OK);
        if (page.len != 1 || !slice_eq(column(&page, 0, USAGE_LOG_REQUEST_ID), one.request_id))
            fail_msg("%s: %zu", ids[i], page.len);
    }
}

/* A database may hold rows that are years apart: nothing walks through the time between. */
static void what_is_years_ago_is_found(void **state)
{
    struct store_rig *r = *state;
    static const uint64_t times[] = {1000, SECOND, 946684800000000, 1769860800000000};
    struct log_wish one = {.request_id = SLICE("r")};

    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        struct record record = {.created_wall_us = times[i], .request_id = "r"};
        struct record other = {.created_wall_us = times[i], .request_id = "other"};
        record.id = id_of(times[i], 1);
        other.id = id_of(times[i], 2);
        assert_int_equal(usage_repo_put(r->db, &record, 1), OK);
        assert_int_equal(usage_repo_put(r->db, &other, 1), OK);
    }
    assert_int_equal(count(r, &one, 10), ARRAY_LEN(times));
    assert_int_equal(count(r, &one, 2), ARRAY_LEN(times));
    one.to_wall_us = 946684800000000;
    assert_int_equal(count(r, &one, 10), 2);
}

/* --- rows that end meanwhile --- */

/* Six rows a day, for four days. */
static void fill_days(struct store_rig *r)
{
    for (unsigned n = 0; n < 24; n++) {
        struct record record = {
            .created_wall_us = noon + (uint64_t)n * 4 * 3600 * SECOND, .user_id = 1, .key_id = 1};
        record.id = id_of(record.created_wall_us, 1);
        snprintf(record.request_id, sizeof(record.request_id), "day");
        assert_int_equal(usage_repo_put(r->db, &record, 1), OK);
    }
}

static void end_days_before(struct store_rig *r, uint64_t wall_us)
{
    char before[RECORD_ID_TEXT + 64], id[RECORD_ID_TEXT];
    struct record_id least = id_of(wall_us, 0);

    if (r->postgres) {
        char time[CLOCK_RFC3339_LEN + 1];
        clock_rfc3339(wall_us, time);
        snprintf(before, sizeof(before), "SELECT usage_logs_drop_day('%s')", time);
    } else {
        record_id_format(&least, id);
        snprintf(before, sizeof(before), "DELETE FROM usage_logs WHERE id < '%.36s'", id);
    }
    for (unsigned day = 0; day < 5; day++)
        assert_int_equal(db_exec(r->db, before), OK);
}

static void days_that_end_do_not_end_a_walk(void **state)
{
    struct store_rig *r = *state;
    const uint64_t day = (uint64_t)24 * 3600 * SECOND, last = noon / day * day + 4 * day;
    struct log_wish wishes[5] = {{0}};

    wishes[1].key_id = wishes[2].key_id = 1;
    wishes[3].request_id = wishes[4].request_id = SLICE("day");
    wishes[2].until_ms = wishes[4].until_ms = 1;
    for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
        struct log_page page = {0};
        size_t total = 0;
        fill_days(r); /* the last three rows are of the last day */
        do {
            assert_int_equal(page_behind(r, &wishes[i], page.next, 2, &page), OK);
            total += page.len;
            if (total == 4) /* the day of the last row that was seen, and all before it */
                end_days_before(r, last);
        } while (page.next.id.len);
        assert_int_equal(total, 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(pages_have_every_row_once),
        STORE_TEST(rows_that_come_meanwhile_move_nothing),
        STORE_TEST(every_filter_filters),
        STORE_TEST(a_row_tells_every_column),
        STORE_TEST(what_is_no_row_is_refused),
        STORE_TEST(a_search_that_takes_too_long_goes_on_in_the_next_page),
        STORE_TEST(rows_that_come_do_not_move_a_search),
        STORE_TEST(requests_are_found_in_any_time),
        STORE_TEST(requests_are_found_by_the_whole_of_their_ids),
        STORE_TEST(what_is_years_ago_is_found),
        STORE_TEST(days_that_end_do_not_end_a_walk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
