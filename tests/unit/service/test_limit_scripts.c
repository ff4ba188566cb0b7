/* test_limit_scripts.c: the limiter's scripts, carried out by a real Redis under a clock that the
 * test sets, decide exactly as the memory limiter does: any flow, every number. */

#include "service/quota.h"

#include "support/redis_server.h"

#include <embedded_lua.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

enum { MINUTE = 60000, NUMBERS = 8, LEASE_MS = 100000000 };

static const uint64_t start = 1700000000000; /* a moment of Redis' clock */

static struct redis_server server;
static int fd;
static char take_text[16384], settle_text[16384];

/* --- the scripts, with a clock of ours --- */

static void add_script(char *ret, const char *path)
{
    static const char clock[] = "redis.call('TIME')";
    const struct embedded_file *f = embedded_files;

    while (f->path && strcmp(f->path, path) != 0)
        f++;
    assert_non_null(f->path);
    const char *rest = f->text, *at;
    while ((at = strstr(rest, clock))) {
        strncat(ret, rest, (size_t)(at - rest));
        strncat(ret, "redis.call('HMGET', 'clock', 's', 'us')", 64);
        rest = at + strlen(clock);
    }
    strncat(ret, rest, 16383 - strlen(ret));
}

static void call(const struct slice *words, size_t n)
{
    assert_true(redis_talk(&server, fd, words, n));
    if (server.reply.values[0].kind == RESP_ERROR)
        fail_msg("%.*s", SLICE_FMT(server.reply.values[0].text));
}

static void set_clock(uint64_t now_ms)
{
    char s[24], us[24];
    const struct slice words[] = {
        SLICE("HSET"),
        SLICE("clock"),
        SLICE("s"),
        slice_of(s, (size_t)snprintf(s, sizeof(s), "%" PRIu64, now_ms / 1000)),
        SLICE("us"),
        slice_of(us, (size_t)snprintf(us, sizeof(us), "%" PRIu64, now_ms % 1000 * 1000 + 7)),
    };
    call(words, ARRAY_LEN(words));
}

/* EVAL text 2 windows leases numbers…; the lease's name is the number at lease_at. */
static void run(const char *text, const uint64_t *numbers, size_t n)
{
    char texts[NUMBERS][24];
    struct slice words[5 + NUMBERS] = {SLICE("EVAL"), slice_str(text), SLICE("2"), SLICE("w"),
                                       SLICE("l")};

    for (size_t i = 0; i < n; i++) {
        int len = snprintf(texts[i], sizeof(texts[i]), "%" PRIu64, numbers[i]);
        words[5 + i] = slice_of(texts[i], (size_t)len);
    }
    call(words, 5 + n);
}

/* --- both limiters --- */

struct taken {
    struct quota_lease lease;
    uint64_t name, token_entry;
};

struct both {
    struct quota *quota;
    uint64_t next;
};

static uint64_t said(size_t i)
{
    assert_int_equal(server.reply.values[i].kind, RESP_NUMBER);
    return (uint64_t)server.reply.values[i].number;
}

static bool take(struct both *b, const struct principal *p, uint64_t tokens, uint64_t now,
                 struct taken *ret)
{
    struct quota_verdict v;

    ret->name = ++b->next;
    assert_int_equal(quota_take(b->quota, p, tokens, now, &ret->lease, &v), OK);
    const uint64_t numbers[] = {
        p->rpm, p->tpm, p->concurrency, ret->lease.tokens, ret->name, LEASE_MS,
    };
    set_clock(now);
    run(take_text, numbers, ARRAY_LEN(numbers));
    assert_int_equal(server.reply.len, 9);
    assert_int_equal(said(1), v.refused);
    assert_int_equal(said(2), v.retry_after_ms);
    assert_int_equal(said(3), v.requests.remaining);
    assert_int_equal(said(4), v.requests.reset_ms);
    assert_int_equal(said(5), v.tokens.remaining);
    assert_int_equal(said(6), v.tokens.reset_ms);
    ret->token_entry = said(8);
    return v.refused == QUOTA_OK;
}

static void settle(struct both *b, struct taken *t, uint64_t used, uint64_t now)
{
    const uint64_t numbers[] = {t->name, 0, t->token_entry, t->lease.tokens, used};

    quota_settle(b->quota, &t->lease, used, now);
    set_clock(now);
    run(settle_text, numbers, ARRAY_LEN(numbers));
}

static int64_t redis_says(const char *command)
{
    return redis_number(&server, command);
}

static int group_setup(void **state)
{
    (void)state;
    redis_server_open(&server, NULL);
    fd = redis_dial(&server);
    add_script(take_text, "limit_window.lua");
    memcpy(settle_text, take_text, sizeof(settle_text));
    add_script(take_text, "limit_take.lua");
    add_script(settle_text, "limit_settle.lua");
    return fd < 0;
}

static int group_teardown(void **state)
{
    (void)state;
    close(fd);
    redis_server_close(&server);
    return 0;
}

static int setup(void **state)
{
    struct both *b = calloc(1, sizeof(*b));

    redis_must(&server, "FLUSHALL");
    b->quota = quota_new();
    assert_non_null(b->quota);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct both *b = *state;

    quota_free(b->quota);
    free(b);
    return 0;
}

/* --- any flow --- */

static uint32_t random_next(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

enum { STEPS = 400, HELD = 16 };

static void run_flow(struct both *b, uint32_t seed)
{
    struct principal p = {.key_id = seed}; /* new to the memory limiter */
    uint64_t pace = 1 + random_next(&seed) % 3000, now = start;
    struct taken held[HELD];
    size_t n = 0;

    p.rpm = random_next(&seed) % 3 ? 1 + random_next(&seed) % 50 : 0;
    p.tpm = random_next(&seed) % 3 ? 1 + random_next(&seed) % 5000 : 0;
    p.concurrency = random_next(&seed) % 2 ? 1 + random_next(&seed) % (HELD - 1) : 0;
    for (int i = 0; i < STEPS; i++) {
        now += random_next(&seed) % 50 ? random_next(&seed) % pace : random_next(&seed) % 90000;
        if (n == HELD || (n && random_next(&seed) % 2)) {
            size_t which = random_next(&seed) % n;
            settle(b, &held[which], random_next(&seed) % (held[which].lease.tokens * 2 + 1), now);
            held[which] = held[--n];
        } else if (take(b, &p, 1 + random_next(&seed) % 1000, now, &held[n])) {
            n += held[n].lease.held;
        }
    }
    while (n > 0)
        settle(b, &held[--n], 0, now);
    redis_must(&server, "FLUSHALL");
}

static void both_limiters_decide_alike(void **state)
{
    for (uint32_t seed = 1; seed <= 60; seed++)
        run_flow(*state, seed);
}

/* A second apart, half a second apart, at once: what the log keeps apart and what it does not. */
static void flows_of_all_densities(void **state)
{
    static const uint64_t gaps[] = {0, 1, 5, 499, 500, 501, 999, 1000, 59999, 60000, 60001};
    struct both *b = *state;
    struct taken t;

    for (size_t i = 0; i < ARRAY_LEN(gaps); i++) {
        struct principal p = {.key_id = (int64_t)i + 1, .rpm = 20, .tpm = 100};
        uint64_t now = start;
        for (int step = 0; step < 60; step++, now += gaps[i])
            if (take(b, &p, 7, now, &t))
                settle(b, &t, (uint64_t)step % 14, now);
        redis_must(&server, "FLUSHALL");
    }
}

/* --- what only Redis has --- */

static void a_million_a_minute_costs_some_hundred_fields(void **state)
{
    struct both *b = *state;
    struct principal p = {.key_id = 1, .rpm = 1000000, .tpm = 1000000000};
    struct taken t;

    for (uint64_t now = start; now < start + 2 * MINUTE; now += 50)
        assert_true(take(b, &p, 1000, now, &t));
    assert_in_range(redis_says("HLEN w"), 2 + 2 * 110, 2 + 2 * 122);
}

static void everything_expires(void **state)
{
    struct both *b = *state;
    struct principal p = {.key_id = 1, .rpm = 5, .tpm = 500, .concurrency = 5};
    struct taken t;

    assert_true(take(b, &p, 10, start, &t));
    assert_in_range(redis_says("PTTL w"), MINUTE - 1000, MINUTE + 1000);
    assert_in_range(redis_says("PTTL l"), LEASE_MS, 3 * (uint64_t)LEASE_MS);
    redis_must(&server, "DEL w");
    settle(b, &t, 11, start); /* used more than was reserved */
    assert_in_range(redis_says("PTTL w"), 1, MINUTE + 1000);
    assert_int_equal(redis_says("EXISTS l"), 0);
}

static void clocks_that_are_set_back_lock_nobody_out(void **state)
{
    const uint64_t numbers[] = {2, 10, 0, 10, 1, LEASE_MS};

    (void)state;
    for (uint64_t i = 0; i < 3; i++) {
        set_clock(start + 3600000);
        run(take_text, numbers, ARRAY_LEN(numbers));
        assert_int_equal(said(1), QUOTA_OK);
        run(take_text, numbers, ARRAY_LEN(numbers));
        assert_int_equal(said(1), QUOTA_TOKENS);
        set_clock(start); /* an hour back */
        run(take_text, numbers, ARRAY_LEN(numbers));
        assert_int_equal(said(1), QUOTA_OK);
        assert_int_equal(said(3), 1);
        assert_int_equal(said(4), MINUTE);
        redis_must(&server, "DEL w");
    }
}

/* What was counted before Redis lost its memory is not taken from what is counted after it. */
static void a_settlement_after_a_flush_takes_nothing_back(void **state)
{
    struct both *b = *state;
    struct principal p = {.key_id = 1, .tpm = 100};
    struct taken before, after;

    assert_true(take(b, &p, 100, start, &before));
    redis_must(&server, "FLUSHALL");
    p.key_id = 2; /* new to the memory limiter too */
    assert_true(take(b, &p, 100, start + 700, &after));
    settle(b, &before, 0, start + 800);
    assert_false(take(b, &p, 1, start + 900, &after));
}

static void an_undone_request_is_not_counted(void **state)
{
    uint64_t numbers[] = {2, 100, 1, 60, 4711, LEASE_MS};

    (void)state;
    for (uint64_t i = 0; i < 10; i++) {
        set_clock(start + i * 700);
        run(take_text, numbers, ARRAY_LEN(numbers));
        assert_int_equal(said(1), QUOTA_OK);
        assert_int_equal(said(3), 1);
        assert_int_equal(said(5), 40);
        const uint64_t undo[] = {4711, said(7), said(8), 60, 0};
        run(settle_text, undo, ARRAY_LEN(undo));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_limiters_decide_alike, setup, teardown),
        cmocka_unit_test_setup_teardown(flows_of_all_densities, setup, teardown),
        cmocka_unit_test_setup_teardown(a_million_a_minute_costs_some_hundred_fields, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(everything_expires, setup, teardown),
        cmocka_unit_test_setup_teardown(clocks_that_are_set_back_lock_nobody_out, setup, teardown),
        cmocka_unit_test_setup_teardown(a_settlement_after_a_flush_takes_nothing_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_undone_request_is_not_counted, setup, teardown),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
