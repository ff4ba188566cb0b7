/* test_audit_repo.c: the trail comes back newest first, by every filter, and ends. */

#include "repository/audit_repo.h"

#include "support/store_rig.h"

static const uint64_t noon = 1769860800000000; /* 2026-01-31T12:00:00Z */
enum { ROWS = 30, SECOND = 1000000 };

/* Row n was written n seconds past noon. */
static void fill(struct store_rig *r)
{
    for (unsigned n = 0; n < ROWS; n++) {
        const struct audit_row row = {.wall_us = noon + (uint64_t)n * SECOND,
                                      .key_id = 1 + n % 3,
                                      .user_id = 1,
                                      .request_id = SLICE("r"),
                                      .action = n % 5 ? SLICE("update") : SLICE("delete"),
                                      .kind = n % 2 ? SLICE("user") : SLICE("model"),
                                      .object = SLICE("7")};
        assert_int_equal(audit_repo_add(r->db, &row), OK);
    }
}

/* How many rows there are by that filter, read in pages of seven. */
static size_t count(struct store_rig *r, unsigned filter, struct slice value)
{
    struct page_wish wish = {.limit = 7};
    int64_t before = INT64_MAX;
    size_t total = 0, n;

    wish.filter[filter] = value;
    do {
        struct audit_row *rows;
        assert_int_equal(audit_repo_page(r->db, &wish, &r->arena, &rows, &n), OK);
        for (size_t i = 0; i < n; i++) {
            assert_true(rows[i].id < before);
            before = rows[i].id;
        }
        total += n;
        wish.after = arena_printf(&r->arena, "%lld", (long long)before);
    } while (n == wish.limit);
    return total;
}

static void every_filter_filters(void **state)
{
    struct store_rig *r = *state;

    fill(r);
    assert_int_equal(count(r, AUDIT_FILTER_KIND, SLICE("")), ROWS);
    assert_int_equal(count(r, AUDIT_FILTER_KIND, SLICE("user")), 15);
    assert_int_equal(count(r, AUDIT_FILTER_OBJECT, SLICE("8")), 0);
    assert_int_equal(count(r, AUDIT_FILTER_ACTION, SLICE("delete")), 6);
    assert_int_equal(count(r, AUDIT_FILTER_KEY, SLICE("3")), 10);
}

static void what_is_old_ends(void **state)
{
    struct store_rig *r = *state;

    fill(r);
    assert_int_equal(audit_repo_end_rows(r->db, noon), OK);
    assert_sql(r, "SELECT count(*) FROM audit_log", "30");
    assert_int_equal(audit_repo_end_rows(r->db, noon + 10 * (uint64_t)SECOND), 1);
    assert_int_equal(audit_repo_end_rows(r->db, noon + 10 * (uint64_t)SECOND), OK);
    assert_sql(r, "SELECT count(*) FROM audit_log", "20");
    assert_sql(r, "SELECT min(id) FROM audit_log", "11");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(every_filter_filters),
        STORE_TEST(what_is_old_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
