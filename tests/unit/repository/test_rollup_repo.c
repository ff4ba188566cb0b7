/* test_rollup_repo.c: sums are those of the rows, whatever was worked out when. */

#include "repository/rollup_repo.h"
#include "repository/key_repo.h"
#include "repository/usage_repo.h"
#include "repository/user_repo.h"

#include "model/outcome.h"

#include "support/store_rig.h"

#include <errno.h>
#include <stdio.h>

#define HOUR ((uint64_t)3600 * 1000000)

static const uint64_t noon = 1769860800000000; /* 2026-01-31T12:00:00Z */

/* What was written last under each id, so that sums can be counted here too. */
enum { BOOK = 1200 };
struct book {
    struct store_rig *rig;
    struct record records[BOOK];
    size_t len;
};

static struct record *book_add(struct book *b, uint64_t wall_us)
{
    static const char *const models[] = {"gpt-4o", "claude", ""};
    size_t n = b->len++;
    struct record *r = &b->records[n];

    *r = (struct record){
        .id = record_id_new(wall_us),
        .created_wall_us = wall_us,
        .user_id = (int64_t)(n % 3) + 1,
        .key_id = (int64_t)(n % 5) + 1,
        .prompt_tokens = n * 7,
        .completion_tokens = n,
        .cached_tokens = n % 4,
        .request_bytes = 100 + n,
        .latency_ms = (uint32_t)(n * n % 200000),
        .first_token_ms = n % 2 ? (uint32_t)n : 0,
        .attempts = 1,
        .status = n % 6 ? OUTCOME_OK : OUTCOME_UPSTREAM_ERROR,
        .usage_source = USAGE_PROVIDER,
        .request_id = "r",
        .endpoint = "/v1/chat/completions",
    };
    record_text(r->requested_model, sizeof(r->requested_model), slice_str(models[n % 3]));
    record_text(r->provider, sizeof(r->provider), SLICE("one"));
    return r;
}

static void book_put(struct book *b, size_t from)
{
    assert_int_equal(usage_repo_put(b->rig->db, &b->records[from], b->len - from), OK);
}

static size_t bucket_of(uint32_t ms)
{
    size_t i = 0;

    while (i < ROLLUP_BUCKETS && ms > rollup_bounds_ms[i])
        i++;
    return i;
}

static void count(struct rollup_sums *s, const struct record *r)
{
    s->requests++;
    s->errors += r->status != OUTCOME_OK;
    s->attempts += r->attempts;
    s->prompt_tokens += r->prompt_tokens;
    s->completion_tokens += r->completion_tokens;
    s->total_tokens += r->prompt_tokens + r->completion_tokens;
    s->cached_tokens += r->cached_tokens;
    s->request_bytes += r->request_bytes;
    s->latency_ms += r->latency_ms;
    s->first_token_ms += r->first_token_ms;
    s->first_tokens += r->first_token_ms > 0;
    for (size_t i = bucket_of(r->latency_ms); i < ROLLUP_BUCKETS; i++)
        s->latency[i]++;
    for (size_t i = bucket_of(r->first_token_ms); r->first_token_ms && i < ROLLUP_BUCKETS; i++)
        s->first[i]++;
}

static struct rollup_query all(enum rollup_group group)
{
    return (struct rollup_query){.group = group,
                                 .from_wall_us = noon - 1000 * HOUR,
                                 .until_wall_us = noon + 1000 * HOUR,
                                 .limit = 1000};
}

static size_t ask(struct store_rig *r, const struct rollup_query *query, struct rollup_row **ret)
{
    size_t n;

    if (rollup_repo_sum(r->db, query, &r->arena, ret, &n) < 0)
        fail_msg("%s", repository_error(r->db));
    return n;
}

static uint64_t bucket_start(enum rollup_group group, const struct record *r)
{
    uint64_t length = group == ROLLUP_HOUR ? HOUR : group == ROLLUP_DAY ? 24 * HOUR : 0;

    return length ? r->created_wall_us / length * length : 0;
}

static bool is_of(const struct record *r, const struct rollup_query *q)
{
    return r->created_wall_us >= q->from_wall_us && r->created_wall_us < q->until_wall_us &&
           (!q->key_id || r->key_id == q->key_id) && (!q->user_id || r->user_id == q->user_id) &&
           (!q->model.len || slice_eq(q->model, slice_str(r->requested_model))) &&
           (!q->provider.len || slice_eq(q->provider, slice_str(r->provider)));
}

static bool is_in(const struct record *r, enum rollup_group group, const struct rollup_row *row)
{
    switch (group) {
    case ROLLUP_MODEL:
        return slice_eq(row->name, slice_str(r->requested_model));
    case ROLLUP_PROVIDER:
        return slice_eq(row->name, slice_str(r->provider));
    case ROLLUP_USER:
        return row->id == r->user_id;
    case ROLLUP_KEY:
        return row->id == r->key_id;
    default:
        return row->start_wall_us == bucket_start(group, r);
    }
}

/* Each row of the answer is what the records of it come to, and no record is in none. */
static void assert_answer(struct book *b, const struct rollup_query *q)
{
    struct rollup_row *rows;
    size_t n = ask(b->rig, q, &rows), asked = 0, told = 0;

    for (size_t i = 0; i < b->len; i++)
        asked += is_of(&b->records[i], q);
    for (size_t row = 0; row < n; row++) {
        struct rollup_sums sums = {0};
        for (size_t i = 0; i < b->len; i++)
            if (is_of(&b->records[i], q) && is_in(&b->records[i], q->group, &rows[row]))
                count(&sums, &b->records[i]);
        assert_memory_equal(&rows[row].sums, &sums, sizeof(sums));
        told += sums.requests;
    }
    assert_int_equal(told, asked);
    arena_clear(&b->rig->arena);
}

/* In all, and for each hour. */
static void assert_exact(struct book *b)
{
    struct rollup_query total = all(ROLLUP_TOTAL), hours = all(ROLLUP_HOUR);
    struct rollup_row *rows;
    struct rollup_sums sums = {0};

    for (size_t i = 0; i < b->len; i++)
        count(&sums, &b->records[i]);
    assert_int_equal(ask(b->rig, &total, &rows), 1);
    assert_memory_equal(&rows[0].sums, &sums, sizeof(sums));
    size_t n = ask(b->rig, &hours, &rows);
    for (size_t h = 0; h < n; h++) {
        sums = (struct rollup_sums){0};
        for (size_t i = 0; i < b->len; i++)
            if (b->records[i].created_wall_us / HOUR * HOUR == rows[h].start_wall_us)
                count(&sums, &b->records[i]);
        assert_true(sums.requests > 0);
        assert_memory_equal(&rows[h].sums, &sums, sizeof(sums));
    }
}

static unsigned roll_all(struct store_rig *r, uint64_t over_by)
{
    unsigned n = 0;
    int rc;

    while ((rc = rollup_repo_roll(r->db, over_by)) == 1)
        n++;
    if (rc < 0)
        fail_msg("%s", repository_error(r->db));
    return n;
}

static void sums_are_exact_at_any_time(void **state)
{
    struct store_rig *r = *state;
    struct book *b = calloc(1, sizeof(*b));

    b->rig = r;
    assert_int_equal(roll_all(r, noon), 0);
    for (unsigned i = 0; i < 60; i++)
        book_add(b, noon + i * HOUR / 20); /* three hours */
    book_put(b, 0);
    assert_exact(b);
    assert_int_equal(roll_all(r, noon + 2 * HOUR), 42); /* minutes and hours that are over */
    assert_exact(b);
    assert_sql(r, "SELECT count(*) FROM usage_spans WHERE span = 60", "2");
    assert_sql(r, "SELECT count(*) FROM usage_marks", "20");
    assert_int_equal(roll_all(r, noon + 2 * HOUR), 0);

    size_t late = b->len; /* what a journal kept for an hour that was worked out */
    book_add(b, noon + HOUR / 2);
    book_add(b, noon - 30 * HOUR);
    book_put(b, late);
    assert_exact(b);
    assert_true(roll_all(r, noon + 2 * HOUR) > 0);
    assert_exact(b);

    b->records[3].status = OUTCOME_CLIENT_CLOSED; /* replaced */
    b->records[3].completion_tokens = 5000;
    assert_int_equal(usage_repo_put(r->db, &b->records[3], 1), OK);
    assert_exact(b);
    assert_int_equal(roll_all(r, noon + 2 * HOUR), 2); /* its minute, its hour */
    assert_exact(b);
    assert_int_equal(usage_repo_put(r->db, b->records, b->len), OK); /* replayed as a whole */
    assert_exact(b);
    assert_true(roll_all(r, noon + 3 * HOUR) > 60);
    assert_exact(b);
    assert_sql(r, "SELECT count(*) FROM usage_marks", "0");
    free(b);
}

/* An hour that has no minutes any more is worked out from all of its rows. */
static void what_comes_very_late_counts(void **state)
{
    struct store_rig *r = *state;
    struct book *b = calloc(1, sizeof(*b));

    b->rig = r;
    for (unsigned i = 0; i < 40; i++)
        book_add(b, noon + i * HOUR / 20);
    book_put(b, 0);
    assert_true(roll_all(r, noon + 40 * HOUR) > 0);
    assert_sql(r, "SELECT count(*) FROM usage_spans WHERE span = 1", "0");
    assert_sql(r, "SELECT count(*) FROM usage_sums WHERE span = 1", "0");
    assert_sql(r, "SELECT count(*) FROM usage_spans WHERE span = 1440", "1");
    assert_exact(b);
    size_t late = b->len;
    book_add(b, noon + HOUR / 20);       /* a minute that had rows */
    book_add(b, noon + HOUR + HOUR / 7); /* one that had none */
    book_add(b, noon + 5 * HOUR);        /* an hour that had none */
    book_put(b, late);
    assert_exact(b);
    assert_int_equal(rollup_repo_roll(r->db, noon + 40 * HOUR), 1);
    assert_sql(r, "SELECT count(*) FROM usage_spans WHERE span > 60", "0"); /* not so any more */
    assert_exact(b);
    assert_true(roll_all(r, noon + 40 * HOUR) > 0);
    assert_sql(r, "SELECT count(*) FROM usage_spans WHERE span = 1440", "1");
    assert_sql(r, "SELECT count(*) FROM usage_marks", "0");
    assert_exact(b);
    free(b);
}

/* A small generator of its own, so that each run is the same. */
static unsigned chance(uint64_t *seed, unsigned below)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*seed >> 33) % below;
}

static struct rollup_query any_question(uint64_t *seed)
{
    static const char *const models[] = {"", "", "gpt-4o", "claude"};
    uint64_t from = noon + chance(seed, 90 * 24) * HOUR;

    return (struct rollup_query){
        .group = chance(seed, ROLLUP_KEY + 1),
        .from_wall_us = chance(seed, 3) ? from : 0,
        .until_wall_us = chance(seed, 3) ? from + chance(seed, 60 * 24) * HOUR : noon + 4000 * HOUR,
        .user_id = chance(seed, 3) ? 0 : 1 + chance(seed, 3),
        .key_id = chance(seed, 3) ? 0 : 1 + chance(seed, 5),
        .model = slice_str(models[chance(seed, 4)]),
        .provider = chance(seed, 4) ? SLICE("") : SLICE("one"),
        .limit = 5000,
    };
}

/* Ninety days, in whichever order rows come and spans are worked out. */
static void questions_of_any_time(void **state)
{
    struct store_rig *r = *state;
    struct book *b = calloc(1, sizeof(*b));
    uint64_t seed = 7;

    b->rig = r;
    for (unsigned turn = 0; turn < 20; turn++) {
        uint64_t now = noon + (turn + 1) * 112 * HOUR;
        size_t first = b->len;
        for (unsigned i = 0; i < 25; i++) {
            uint64_t at = now - chance(&seed, turn % 4 ? 112 * 60 : 2000 * 60) * (HOUR / 60);
            book_add(b, MAX(at, noon));
        }
        book_put(b, first);
        for (unsigned step = chance(&seed, 200); step > 0; step--)
            if (rollup_repo_roll(r->db, now) == 0)
                break;
        for (unsigned i = 0; i < 6; i++) {
            struct rollup_query q = any_question(&seed);
            assert_answer(b, &q);
        }
    }
    roll_all(r, noon + 4000 * HOUR);
    assert_sql(r, "SELECT count(DISTINCT span) FROM usage_sums", "5");
    for (unsigned i = 0; i < 40; i++) {
        struct rollup_query q = any_question(&seed);
        assert_answer(b, &q);
    }
    free(b);
}

/* The clock was set back: the ids of an hour lie beyond it. */
static void ids_need_not_be_of_the_hour(void **state)
{
    struct store_rig *r = *state;
    struct book *b = calloc(1, sizeof(*b));

    b->rig = r;
    book_add(b, noon + HOUR / 2);
    book_add(b, noon + HOUR / 3)->id = record_id_new(noon + 90 * HOUR);
    book_put(b, 0);
    assert_exact(b);
    assert_int_equal(roll_all(r, noon + HOUR), 3);
    assert_exact(b);
    size_t late = b->len;
    book_add(b, noon + HOUR / 3);
    book_put(b, late);
    assert_exact(b);
    assert_int_equal(roll_all(r, noon + HOUR), 2);
    assert_exact(b);
    free(b);
}

static void a_mark_that_comes_meanwhile_stays(void **state)
{
    struct store_rig *r = *state;
    struct book *b = calloc(1, sizeof(*b));
    char why[REPOSITORY_WHY];
    struct db *other;

    if (!r->postgres) { /* writers are one after the other there */
        free(b);
        return;
    }
    b->rig = r;
    assert_int_equal(repository_open(slice_str(r->url), why, &other), OK);
    book_add(b, noon + 1);
    book_put(b, 0);
    book_add(b, noon + 2);
    assert_int_equal(repository_begin_append(other), OK);
    assert_int_equal(usage_repo_add(other, &b->records[1], 1), OK);
    assert_int_equal(roll_all(r, noon + HOUR), 2); /* does not see the second */
    assert_int_equal(repository_end(other, OK), OK);
    assert_exact(b);
    assert_int_equal(roll_all(r, noon + HOUR), 2);
    assert_exact(b);
    repository_close(other);
    free(b);
}

static void groups_and_filters(void **state)
{
    struct store_rig *r = *state;
    struct book *b = calloc(1, sizeof(*b));
    struct rollup_row *rows;
    struct rollup_query q;

    b->rig = r;
    for (unsigned i = 0; i < 100; i++)
        book_add(b, noon + i * HOUR);
    book_put(b, 0);
    roll_all(r, noon + 50 * HOUR);

    q = all(ROLLUP_DAY);
    assert_int_equal(ask(r, &q, &rows), 5);
    assert_int_equal(rows[0].start_wall_us, noon - 12 * HOUR);
    assert_int_equal(rows[0].sums.requests, 12);
    assert_int_equal(rows[1].sums.requests, 24);
    q = all(ROLLUP_MODEL);
    assert_int_equal(ask(r, &q, &rows), 3);
    assert_true(slice_eq(rows[0].name, SLICE("gpt-4o")));
    assert_int_equal(rows[0].sums.requests, 34);
    assert_int_equal(rows[1].name.len, 0); /* as often as the next, and before it */
    q = all(ROLLUP_KEY);
    q.limit = 2;
    assert_int_equal(ask(r, &q, &rows), 2);
    assert_int_equal(rows[0].id, 1);
    q = all(ROLLUP_USER);
    q.key_id = 2;
    q.user_id = 2;
    q.model = SLICE("claude");
    q.provider = SLICE("one");
    assert_int_equal(ask(r, &q, &rows), 1);
    assert_int_equal(rows[0].id, 2);
    assert_int_equal(rows[0].sums.requests, 7);
    q.provider = SLICE("two");
    assert_int_equal(ask(r, &q, &rows), 0);
    q = all(ROLLUP_TOTAL);
    q.from_wall_us = noon + HOUR + 5; /* whole hours */
    q.until_wall_us = noon + 3 * HOUR + 5;
    assert_int_equal(ask(r, &q, &rows), 1);
    assert_int_equal(rows[0].sums.requests, 3);
    q.until_wall_us = q.from_wall_us = noon - 90 * HOUR;
    assert_int_equal(ask(r, &q, &rows), 1);
    assert_int_equal(rows[0].sums.requests, 0);
    free(b);
}

static void absurd_counters_do_not_run_over(void **state)
{
    struct store_rig *r = *state;
    struct book *b = calloc(1, sizeof(*b));
    struct rollup_query total = all(ROLLUP_TOTAL);
    struct rollup_row *rows;

    b->rig = r;
    for (unsigned i = 0; i < 3; i++)
        book_add(b, noon + i)->prompt_tokens = UINT64_MAX;
    book_put(b, 0);
    ask(r, &total, &rows);
    assert_int_equal(rows[0].sums.prompt_tokens, 3000000000000);
    assert_int_equal(roll_all(r, noon + HOUR), 2);
    ask(r, &total, &rows);
    assert_int_equal(rows[0].sums.prompt_tokens, 3000000000000);
    free(b);
}

/* Six keys, five of which are used in ten hours. */
static struct book *keys_in_use(struct store_rig *r)
{
    struct book *b = calloc(1, sizeof(*b));
    struct user_row user = {.name = SLICE("alice"), .created_wall_us = noon};

    assert_int_equal(user_repo_add(r->db, &user), OK);
    for (unsigned char i = 1; i <= 6; i++) {
        struct key_row key = {.user_id = user.id, .hash = {i}, .created_wall_us = noon};
        assert_int_equal(key_repo_add(r->db, &key), OK);
        assert_int_equal(key.id, i);
    }
    b->rig = r;
    for (unsigned i = 0; i < 10; i++)
        book_add(b, noon + i * HOUR);
    book_put(b, 0);
    return b;
}

static void keys_remember_their_last_use(void **state)
{
    static const char used[] = "SELECT last_used_at FROM api_keys WHERE id = 5";
    struct store_rig *r = *state;
    struct book *b = keys_in_use(r);
    uint64_t version = store_rig_version(r);

    assert_int_equal(rollup_repo_note_use(r->db, noon), OK);
    assert_sql(r, "SELECT count(*) FROM api_keys WHERE last_used_at IS NOT NULL", "5");
    assert_sql(r, used, "2026-01-31T21:00:00.000Z");
    size_t late = b->len;
    book_add(b, noon - HOUR)->key_id = 5;
    book_put(b, late);
    assert_int_equal(rollup_repo_note_use(r->db, noon - 2 * HOUR), OK);
    assert_sql(r, used, "2026-01-31T21:00:00.000Z");
    assert_int_equal(store_rig_version(r), version);
    free(b);
}

/* Another changes one of the keys: waiting for him while others are held could be a circle. */
static void the_use_of_a_key_waits_for_nobody(void **state)
{
    struct store_rig *r = *state;
    struct book *b = keys_in_use(r);
    char why[REPOSITORY_WHY];
    struct db *admin;

    assert_int_equal(repository_open(slice_str(r->url), why, &admin), OK);
    assert_int_equal(repository_begin(admin), OK);
    assert_int_equal(db_exec(admin, "UPDATE api_keys SET name = 'x' WHERE id = 5"), OK);
    repository_set_patience(r->db, 1);
    assert_int_equal(rollup_repo_note_use(r->db, noon), OK);
    assert_sql(r, "SELECT count(*) FROM api_keys WHERE last_used_at IS NOT NULL", "4");
    /* not even those that it noted are held */
    repository_set_patience(admin, 1);
    assert_int_equal(db_exec(admin, "UPDATE api_keys SET name = 'y'"), OK);
    assert_int_equal(repository_end(admin, OK), OK);
    repository_close(admin);
    assert_int_equal(rollup_repo_note_use(r->db, noon), OK);
    assert_sql(r, "SELECT count(*) FROM api_keys WHERE last_used_at IS NOT NULL", "5");
    free(b);
}

static void percentiles_are_within_their_bucket(void **state)
{
    uint64_t buckets[ROLLUP_BUCKETS];

    (void)state;
    for (size_t i = 0; i < ROLLUP_BUCKETS; i++)
        buckets[i] = i < 4 ? 0 : i < 8 ? 100 : 200;
    assert_int_equal(rollup_percentile(buckets, 200, 0.25), 150); /* 101 … 200 ms, half of them */
    assert_int_equal(rollup_percentile(buckets, 200, 0.5), 200);
    assert_int_equal(rollup_percentile(buckets, 200, 0.75), 875);
    assert_int_equal(rollup_percentile(buckets, 400, 0.99), 120000); /* beyond the last */
    assert_int_equal(rollup_percentile(buckets, 0, 0.5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(sums_are_exact_at_any_time),
        STORE_TEST(what_comes_very_late_counts),
        STORE_TEST(questions_of_any_time),
        STORE_TEST(ids_need_not_be_of_the_hour),
        STORE_TEST(a_mark_that_comes_meanwhile_stays),
        STORE_TEST(groups_and_filters),
        STORE_TEST(absurd_counters_do_not_run_over),
        STORE_TEST(keys_remember_their_last_use),
        STORE_TEST_OF(the_use_of_a_key_waits_for_nobody, "postgres"),
        cmocka_unit_test(percentiles_are_within_their_bucket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
