/* test_quota.c: limits of requests, tokens and concurrency, against a naive log and many threads.
 */

#include "service/quota.h"

#include "support/alloc_fail.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MINUTE = 60000 };

static const uint64_t start = 5000000; /* a moment: the clock does not begin at 0 */

struct fixture {
    struct quota *quota;
    struct quota_verdict verdict;
    struct quota_lease lease;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->quota = quota_new();
    assert_non_null(f->quota);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    quota_free(f->quota);
    free(f);
    return 0;
}

static enum quota_limit take(struct fixture *f, const struct principal *p, uint64_t tokens,
                             uint64_t at)
{
    assert_int_equal(quota_take(f->quota, p, tokens, at, &f->lease, &f->verdict), OK);
    assert_int_equal(f->lease.held,
                     f->verdict.refused == QUOTA_OK && (p->rpm || p->tpm || p->concurrency));
    return f->verdict.refused;
}

static void settle(struct fixture *f, uint64_t tokens, uint64_t at)
{
    quota_settle(f->quota, &f->lease, tokens, at);
    assert_false(f->lease.held);
}

static void assert_numbers(struct quota_numbers n, uint64_t limit, uint64_t remaining,
                           uint64_t reset_ms)
{
    assert_int_equal(n.limit, limit);
    assert_int_equal(n.remaining, remaining);
    assert_int_equal(n.reset_ms, reset_ms);
}

static void no_limits_cost_nothing(void **state)
{
    struct fixture *f = *state;
    struct principal p = {.key_id = 1};

    for (int i = 0; i < 1000; i++)
        assert_int_equal(take(f, &p, 1u << 30, start), QUOTA_OK);
    assert_numbers(f->verdict.requests, 0, 0, 0);
    assert_numbers(f->verdict.tokens, 0, 0, 0);
    settle(f, 1, start);
}

static void a_minute_that_was_empty_takes_all_at_once(void **state)
{
    struct fixture *f = *state;
    struct principal p = {.key_id = 1, .rpm = 60};

    for (unsigned i = 1; i <= 60; i++) {
        assert_int_equal(take(f, &p, 0, start), QUOTA_OK);
        assert_numbers(f->verdict.requests, 60, 60 - i, MINUTE);
    }
    assert_int_equal(take(f, &p, 0, start + 1000), QUOTA_REQUESTS);
    assert_int_equal(f->verdict.retry_after_ms, MINUTE - 1000);
    assert_numbers(f->verdict.requests, 60, 0, MINUTE - 1000);
    assert_int_equal(take(f, &p, 0, start + MINUTE - 1), QUOTA_REQUESTS);
    assert_int_equal(f->verdict.retry_after_ms, 1);
    assert_int_equal(take(f, &p, 0, start + MINUTE), QUOTA_OK);
    assert_numbers(f->verdict.requests, 60, 59, MINUTE);
}

/* Requests a second apart are counted to the millisecond: each place comes back when it must. */
static void a_steady_client_at_its_limit_is_never_refused(void **state)
{
    struct fixture *f = *state;
    struct principal p = {.key_id = 1, .rpm = 60};

    for (unsigned i = 0; i < 600; i++) {
        assert_int_equal(take(f, &p, 0, start + i * 1000), QUOTA_OK);
        settle(f, 0, start + i * 1000 + 10);
    }
    assert_int_equal(take(f, &p, 0, start + 599 * 1000), QUOTA_REQUESTS);
    assert_int_equal(f->verdict.retry_after_ms, 1000);
}

static void tokens_are_reserved_and_settled(void **state)
{
    struct fixture *f = *state;
    struct principal p = {.key_id = 1, .tpm = 1000};

    assert_int_equal(take(f, &p, 600, start), QUOTA_OK);
    assert_numbers(f->verdict.tokens, 1000, 400, MINUTE);
    struct quota_lease first = f->lease;
    assert_int_equal(take(f, &p, 500, start + 100), QUOTA_TOKENS);
    assert_int_equal(f->verdict.retry_after_ms, MINUTE - 100);
    assert_numbers(f->verdict.tokens, 1000, 400, MINUTE - 100);
    quota_settle(f->quota, &first, 100, start + 200); /* less than reserved */
    assert_int_equal(take(f, &p, 500, start + 300), QUOTA_OK);
    assert_numbers(f->verdict.tokens, 1000, 400, MINUTE);
    settle(f, 1500, start + 2000); /* more than reserved */
    assert_int_equal(take(f, &p, 1, start + 3000), QUOTA_TOKENS);
    assert_numbers(f->verdict.tokens, 1000, 0, MINUTE - 1000);
    /* 100 + 500 leave at 60.3 s, the 1000 above the reservation at 62 s */
    assert_int_equal(f->verdict.retry_after_ms, 2000 + MINUTE - 3000);
    assert_int_equal(take(f, &p, 1000, start + 2000 + MINUTE), QUOTA_OK);
}

static void a_settlement_after_its_minute_gives_nothing_back_twice(void **state)
{
    struct fixture *f = *state;
    struct principal p = {.key_id = 1, .tpm = 1000};

    assert_int_equal(take(f, &p, 1000, start), QUOTA_OK);
    struct quota_lease slow = f->lease;
    assert_int_equal(take(f, &p, 1000, start + MINUTE), QUOTA_OK);
    quota_settle(f->quota, &slow, 0, start + MINUTE + 1);
    assert_int_equal(take(f, &p, 1, start + MINUTE + 2), QUOTA_TOKENS);
}

static void more_than_the_limit_is_let_in_when_empty(void **state)
{
    struct fixture *f = *state;
    struct principal p = {.key_id = 1, .tpm = 1000};

    assert_int_equal(take(f, &p, 50000, start), QUOTA_OK);
    assert_int_equal(f->lease.tokens, 1000);
    assert_int_equal(take(f, &p, 50000, start), QUOTA_TOKENS);
    settle(f, 0, start);
    assert_int_equal(take(f, &p, 0, start + 1), QUOTA_TOKENS);
    assert_int_equal(take(f, &p, 50000, start + MINUTE), QUOTA_OK);
}

static void places_come_back(void **state)
{
    struct fixture *f = *state;
    struct principal p = {.key_id = 1, .concurrency = 2};
    struct quota_lease leases[2];

    for (int i = 0; i < 2; i++) {
        assert_int_equal(take(f, &p, 0, start), QUOTA_OK);
        leases[i] = f->lease;
    }
    assert_int_equal(take(f, &p, 0, start), QUOTA_CONCURRENCY);
    assert_true(f->verdict.retry_after_ms > 0);
    settle(f, 0, start); /* of a refusal: nothing */
    assert_int_equal(take(f, &p, 0, start + 24 * 60 * MINUTE), QUOTA_CONCURRENCY);
    quota_settle(f->quota, &leases[0], 0, start + 5);
    quota_settle(f->quota, &leases[0], 0, start + 5); /* once only */
    assert_int_equal(take(f, &p, 0, start + 6), QUOTA_OK);
    assert_int_equal(take(f, &p, 0, start + 6), QUOTA_CONCURRENCY);
}

static void a_refusal_consumes_nothing(void **state)
{
    struct fixture *f = *state;
    struct principal p = {.key_id = 1, .rpm = 10, .tpm = 1000, .concurrency = 1};

    assert_int_equal(take(f, &p, 10, start), QUOTA_OK);
    for (int i = 0; i < 100; i++)
        assert_int_equal(take(f, &p, 10, start), QUOTA_CONCURRENCY);
    assert_numbers(f->verdict.requests, 10, 9, MINUTE);
    assert_numbers(f->verdict.tokens, 1000, 990, MINUTE);

    p.concurrency = 0;
    for (int i = 0; i < 100; i++)
        assert_int_equal(take(f, &p, 991, start), QUOTA_TOKENS);
    assert_numbers(f->verdict.requests, 10, 9, MINUTE);
    assert_int_equal(take(f, &p, 990, start), QUOTA_OK);

    p.tpm = 0;
    for (int i = 0; i < 8; i++)
        assert_int_equal(take(f, &p, 0, start), QUOTA_OK);
    p.tpm = 2000;
    for (int i = 0; i < 100; i++)
        assert_int_equal(take(f, &p, 100, start), QUOTA_REQUESTS);
    assert_numbers(f->verdict.tokens, 2000, 1000, MINUTE);
}

static void a_client_waits_for_the_longest_of_its_limits(void **state)
{
    struct fixture *f = *state;
    struct principal p = {.key_id = 1, .rpm = 1, .tpm = 100};

    assert_int_equal(take(f, &p, 1, start), QUOTA_OK);
    settle(f, 101, start + 30000);
    assert_int_equal(take(f, &p, 1, start + 30000), QUOTA_REQUESTS);
    assert_int_equal(f->verdict.retry_after_ms, MINUTE);
}

static void what_is_undone_was_never_taken(void **state)
{
    struct fixture *f = *state;
    struct principal p = {.key_id = 1, .rpm = 2, .tpm = 100, .concurrency = 1};

    for (uint64_t at = start; at < start + 100000; at += 700) {
        assert_int_equal(take(f, &p, 100, at), QUOTA_OK);
        quota_undo(f->quota, &f->lease, at + 3);
        assert_false(f->lease.held);
        quota_undo(f->quota, &f->lease, at + 3); /* harmless */
    }
    assert_int_equal(take(f, &p, 100, start + 100000), QUOTA_OK);
    assert_numbers(f->verdict.requests, 2, 1, 60000);
    assert_int_equal(f->verdict.tokens.remaining, 0);
}

static void keys_do_not_touch_one_another(void **state)
{
    struct fixture *f = *state;

    for (int64_t key = -500; key < 500; key++) {
        struct principal p = {.key_id = key, .rpm = 1};
        assert_int_equal(take(f, &p, 0, start), QUOTA_OK);
    }
    for (int64_t key = -500; key < 500; key++) {
        struct principal p = {.key_id = key, .rpm = 1};
        assert_int_equal(take(f, &p, 0, start), QUOTA_REQUESTS);
    }
}

/* A worker whose clock is a little behind must not be told nonsense. */
static void clocks_may_differ_a_little(void **state)
{
    struct fixture *f = *state;
    struct principal p = {.key_id = 1, .rpm = 2};

    assert_int_equal(take(f, &p, 0, start + 5), QUOTA_OK);
    assert_int_equal(take(f, &p, 0, start), QUOTA_OK);
    assert_int_equal(take(f, &p, 0, start), QUOTA_REQUESTS);
    assert_int_equal(f->verdict.retry_after_ms, MINUTE + 5);
    assert_int_equal(take(f, &p, 0, start + MINUTE + 5), QUOTA_OK);
}

static uint32_t random_next(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

struct past {
    uint64_t at, amount;
};

static uint64_t sum_since(const struct past *past, size_t n, uint64_t from)
{
    uint64_t sum = 0;

    for (size_t i = n; i-- > 0 && past[i].at > from;)
        sum += past[i].amount;
    return sum;
}

/* Any flow: what is let in within any minute stays within the limit; what is refused would have
 * broken it by the resolution of half a second; what is promised (retry_after) is kept. */
static void run_flow(struct fixture *f, uint32_t seed, bool tokens)
{
    enum { STEPS = 4000 };
    static struct past past[STEPS];
    uint64_t limit = 1 + random_next(&seed) % 300, pace = 1 + random_next(&seed) % 2000;
    struct principal p = {.key_id = seed};
    uint64_t now = start, promised = 0;
    size_t n = 0;

    p.rpm = tokens ? 0 : limit;
    p.tpm = tokens ? limit : 0;
    for (int i = 0; i < STEPS; i++) {
        now += random_next(&seed) % 8 ? random_next(&seed) % pace : random_next(&seed) % 20000;
        uint64_t wanted = tokens ? 1 + random_next(&seed) % limit : 1;
        if (take(f, &p, wanted, now) == QUOTA_OK) {
            past[n++] = (struct past){now, wanted};
            assert_true(sum_since(past, n, now - MINUTE) <= limit);
            struct quota_numbers *numbers = tokens ? &f->verdict.tokens : &f->verdict.requests;
            assert_true(numbers->remaining <= limit - sum_since(past, n, now - MINUTE));
            settle(f, wanted, now);
            continue;
        }
        assert_true(sum_since(past, n, now - MINUTE - 500) + wanted > limit);
        promised = now + f->verdict.retry_after_ms;
        assert_int_equal(take(f, &p, wanted, promised - 1), tokens ? QUOTA_TOKENS : QUOTA_REQUESTS);
        assert_int_equal(take(f, &p, wanted, promised), QUOTA_OK);
        past[n++] = (struct past){promised, wanted};
        now = promised;
        i++;
        settle(f, wanted, now);
    }
}

static void no_minute_sees_more_than_the_limit(void **state)
{
    struct fixture *f = *state;

    for (uint32_t seed = 1; seed <= 60; seed++) {
        run_flow(f, seed, false);
        run_flow(f, seed, true);
    }
}

/* As many as possible: at least 99 % of the limit get through, minute for minute. */
static void a_dense_flow_gets_its_limit(void **state)
{
    struct fixture *f = *state;
    struct principal p = {.key_id = 1, .rpm = 6000};
    uint64_t let_in = 0;

    for (uint64_t ms = 0; ms < 20 * MINUTE; ms += 5) {
        if (take(f, &p, 0, start + ms) == QUOTA_OK) {
            let_in++;
            settle(f, 0, start + ms);
        }
    }
    assert_true(let_in >= 20 * 6000 * 99 / 100);
    assert_true(let_in <= 20 * 6000);
}

/* --- threads --- */

enum { THREADS = 4, TAKES = 20000, KEYS = 3 };

struct crowd {
    struct quota *quota;
    atomic_uint let_in[KEYS], inside[KEYS];
    atomic_bool overfull;
};

static void *crowd_run(void *arg)
{
    struct crowd *c = arg;

    for (int i = 0; i < TAKES; i++) {
        int key = i % KEYS;
        struct principal p = {.key_id = key, .rpm = 5000, .tpm = 1000000, .concurrency = 3};
        struct quota_lease lease;
        struct quota_verdict v;
        if (quota_take(c->quota, &p, 10, start + (uint64_t)i / 1000, &lease, &v) < 0)
            abort();
        if (v.refused != QUOTA_OK)
            continue;
        atomic_fetch_add(&c->let_in[key], 1);
        if (atomic_fetch_add(&c->inside[key], 1) >= 3)
            atomic_store(&c->overfull, true);
        atomic_fetch_sub(&c->inside[key], 1);
        quota_settle(c->quota, &lease, 5, start + (uint64_t)i / 1000);
    }
    return NULL;
}

static void threads_share_the_limits(void **state)
{
    struct fixture *f = *state;
    struct crowd c = {.quota = f->quota};
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_run, &c), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_false(c.overfull);
    for (int key = 0; key < KEYS; key++) {
        struct principal p = {.key_id = key, .rpm = 5000, .tpm = 1000000, .concurrency = 3};
        assert_true(c.let_in[key] <= 5000);
        uint64_t left = 5000 - c.let_in[key];
        enum quota_limit refused = take(f, &p, 1, start + 20);
        assert_int_equal(refused, left ? QUOTA_OK : QUOTA_REQUESTS);
        assert_int_equal(f->verdict.tokens.remaining, 1000000 - 5 * c.let_in[key] - (left ? 1 : 0));
    }
}

/* --- memory --- */

static void out_of_memory_takes_nothing(void **state)
{
    struct fixture *f = *state;
    struct principal p = {.key_id = 1, .rpm = 5, .tpm = 50};

    /* the key, its window of requests, its window of tokens: what is there stays there */
    static const unsigned nth[] = {1, 2, 2};

    for (size_t i = 0; i < sizeof(nth) / sizeof(nth[0]); i++) {
        alloc_fail_at(nth[i]);
        assert_int_equal(quota_take(f->quota, &p, 10, start, &f->lease, &f->verdict), -ENOMEM);
        assert_true(alloc_fail_hit());
        assert_false(f->lease.held);
    }
    for (int i = 0; i < 5; i++)
        assert_int_equal(take(f, &p, 10, start), QUOTA_OK);
    assert_int_equal(take(f, &p, 10, start), QUOTA_REQUESTS);
    for (unsigned n = 1;; n++) {
        alloc_fail_at(n);
        struct quota *q = quota_new();
        bool hit = alloc_fail_hit();
        assert_true(hit == (q == NULL));
        quota_free(q);
        if (!hit)
            break;
    }
}

static void keys_that_are_idle_are_forgotten(void **state)
{
    struct fixture *f = *state;
    struct principal busy = {.key_id = 7, .rpm = 1, .concurrency = 1};

    assert_int_equal(take(f, &busy, 0, start), QUOTA_OK);
    struct quota_lease long_one = f->lease;
    for (int64_t key = 1000; key < 11000; key++) {
        struct principal p = {.key_id = key, .rpm = 1};
        assert_int_equal(take(f, &p, 0, start), QUOTA_OK);
        settle(f, 0, start);
    }
    assert_int_equal(quota_keys(f->quota), 10001);
    for (int i = 0; i < 20000; i++) {
        struct principal p = {.key_id = i % 500 + 20000, .rpm = 100000};
        assert_int_equal(take(f, &p, 0, start + MINUTE), QUOTA_OK);
        settle(f, 0, start + MINUTE);
    }
    assert_int_equal(quota_keys(f->quota), 501);
    /* the one with a request under way is still known */
    assert_int_equal(take(f, &busy, 0, start + 2 * MINUTE), QUOTA_CONCURRENCY);
    quota_settle(f->quota, &long_one, 0, start + 2 * MINUTE);
    assert_int_equal(take(f, &busy, 0, start + 2 * MINUTE), QUOTA_OK);
}

/* A growing table that finds no memory stays as it is. */
static void a_table_that_cannot_grow_still_serves(void **state)
{
    struct fixture *f = *state;

    for (int64_t key = 0; key < 20000; key++) {
        struct principal p = {.key_id = key, .concurrency = 1};
        alloc_fail_at(2); /* the first is the key's own */
        assert_int_equal(take(f, &p, 0, start), QUOTA_OK);
        alloc_fail_hit();
        assert_int_equal(take(f, &p, 0, start), QUOTA_CONCURRENCY);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_limits_cost_nothing),
        TEST(a_minute_that_was_empty_takes_all_at_once),
        TEST(a_steady_client_at_its_limit_is_never_refused),
        TEST(tokens_are_reserved_and_settled),
        TEST(a_settlement_after_its_minute_gives_nothing_back_twice),
        TEST(more_than_the_limit_is_let_in_when_empty),
        TEST(places_come_back),
        TEST(a_refusal_consumes_nothing),
        TEST(a_client_waits_for_the_longest_of_its_limits),
        TEST(what_is_undone_was_never_taken),
        TEST(keys_do_not_touch_one_another),
        TEST(clocks_may_differ_a_little),
        TEST(no_minute_sees_more_than_the_limit),
        TEST(a_dense_flow_gets_its_limit),
        TEST(threads_share_the_limits),
        TEST(out_of_memory_takes_nothing),
        TEST(keys_that_are_idle_are_forgotten),
        TEST(a_table_that_cannot_grow_still_serves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
