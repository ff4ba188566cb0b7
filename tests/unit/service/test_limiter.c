/* test_limiter.c: limits in a real Redis: in time, late, gone; and what holds without it. */

#include "service/limiter.h"

#include "support/alloc_fail.h"
#include "support/pump.h"
#include "support/redis_server.h"

#include <errno.h>
#include <stdlib.h>

struct asked {
    struct limiter_take take;
    bool done;
    int rc;
};

struct bench {
    struct loop *loop;
    struct redis_server server;
    struct quota *quotas[2];
    struct limiter *instances[2], *l; /* l: the first */
    struct limiter_outage outages[2];
    struct limiter_policy policy;
};

static const struct principal all_limits = {.key_id = 7, .rpm = 10, .tpm = 1000, .concurrency = 3};

static struct limiter_figures figures_of(const struct limiter *l)
{
    struct limiter_figures f;

    limiter_figures(l, &f);
    return f;
}

static int make(struct bench *b, unsigned i, uint16_t port)
{
    char url[64];
    struct limiter_options options = {
        .loop = b->loop,
        .quota = b->quotas[i],
        .outage = &b->outages[i],
        .policy = b->policy,
    };

    options.redis =
        secret_of(slice_of(url, (size_t)snprintf(url, sizeof(url), "redis://127.0.0.1:%u", port)));
    memset(options.instance, 'a' + (int)i, sizeof(options.instance));
    b->outages[i].workers = 1;
    return limiter_new(&options, &b->instances[i]);
}

static bool is_reached(void *arg)
{
    return figures_of(arg).reached;
}

static bool is_quiet(void *arg)
{
    return limiter_is_quiet(arg);
}

static bool is_done(void *arg)
{
    return ((struct asked *)arg)->done;
}

static void make_instances(struct bench *b)
{
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(make(b, i, b->server.port), OK);
        pump_until(b->loop, is_reached, b->instances[i]);
    }
    b->l = b->instances[0];
    pump_until(b->loop, is_quiet, b->l);
}

static void on_done(struct op *op, int rc)
{
    struct asked *a = container_of(op, struct asked, take.op);

    assert_false(a->done);
    a->done = true;
    a->rc = rc;
}

/* Begins; done is set when it is decided at once. */
static void begin(struct limiter *l, struct asked *a, const struct principal *p, uint64_t tokens)
{
    *a = (struct asked){.take.op.done = on_done};
    a->rc = limiter_take(l, &a->take, p, tokens);
    a->done = a->rc != AGAIN;
}

static int take_from(struct bench *b, struct limiter *l, struct asked *a, const struct principal *p,
                     uint64_t tokens)
{
    begin(l, a, p, tokens);
    pump_until(b->loop, is_done, a);
    return a->rc == OK ? (int)a->take.verdict.refused : a->rc;
}

static int take(struct bench *b, struct asked *a, const struct principal *p, uint64_t tokens)
{
    return take_from(b, b->l, a, p, tokens);
}

static void settle(struct bench *b, struct asked *a, uint64_t used)
{
    limiter_settle(b->l, &a->take, used);
    limiter_settle(b->l, &a->take, used); /* once only */
    assert_false(limiter_holds(&a->take));
}

static int64_t redis_says(struct bench *b, const char *command)
{
    redis_must(&b->server, command);
    const struct resp_value *v = &b->server.reply.values[0];
    return v->kind == RESP_NUMBER ? v->number
           : v->kind == RESP_NULL ? 0
                                  : strtoll(v->text.at, NULL, 10);
}

static int64_t places(struct bench *b)
{
    return redis_says(b, "ZCARD courier:{k7}:leases");
}

/* The sum of a log, which lua/limit_window.lua keeps packed. */
static int64_t sum_of(struct bench *b, const char *log)
{
    static const char script[] = "local packed = redis.call('HGET', KEYS[1], ARGV[1])\n"
                                 "return packed and struct.unpack('<d', packed) or 0";
    const struct slice words[] = {SLICE("EVAL"), slice_str(script), SLICE("1"),
                                  SLICE("courier:{k7}:windows"), slice_str(log)};

    assert_true(redis_ask_words(&b->server, words, ARRAY_LEN(words)));
    assert_int_equal(b->server.reply.values[0].kind, RESP_NUMBER);
    return b->server.reply.values[0].number;
}

static int64_t requests(struct bench *b)
{
    return sum_of(b, "r");
}

static int64_t tokens(struct bench *b)
{
    return sum_of(b, "t");
}

struct moment {
    struct loop *loop;
    uint64_t ms;
};

static bool is_over(void *arg)
{
    const struct moment *m = arg;

    return loop_now_ms(m->loop) != m->ms;
}

static void wait_a_moment(struct bench *b)
{
    pump_until(b->loop, is_over, &(struct moment){b->loop, loop_now_ms(b->loop)});
}

/* Redis says nothing any more until go_on. */
static void pause_redis(struct bench *b)
{
    kill(b->server.pid, SIGSTOP);
}

static void go_on(struct bench *b)
{
    kill(b->server.pid, SIGCONT);
    pump_until(b->loop, is_reached, b->l);
    pump_until(b->loop, is_quiet, b->l);
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));

    redis_server_open(&b->server, NULL);
    b->loop = loop_new();
    b->quotas[0] = quota_new();
    b->quotas[1] = quota_new();
    b->policy = (struct limiter_policy){LIMITER_LOCAL, 60000, 45000, 0};
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    for (int i = 0; i < 2; i++) {
        limiter_free(b->instances[i]);
        quota_free(b->quotas[i]);
    }
    loop_free(b->loop);
    redis_server_close(&b->server);
    free(b);
    return 0;
}

static void set_policy(struct bench *b, enum limiter_failure on_failure, uint64_t timeout_ms)
{
    b->policy.on_failure = on_failure;
    b->policy.timeout_ms = timeout_ms;
    for (int i = 0; i < 2; i++)
        limiter_set_policy(b->instances[i], &b->policy);
}

/* --- Redis answers --- */

static void instances_share_the_limits(void **state)
{
    struct bench *b = *state;
    struct principal p = {.key_id = 7, .rpm = 5, .tpm = 1000};
    struct asked a;

    make_instances(b);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(take_from(b, b->instances[i % 2], &a, &p, 100), QUOTA_OK);
        assert_int_equal(a.take.verdict.requests.limit, 5);
        assert_int_equal(a.take.verdict.requests.remaining, 4 - i);
        assert_in_range(a.take.verdict.requests.reset_ms, 50000, 60000);
        assert_int_equal(a.take.verdict.tokens.limit, 1000);
        assert_int_equal(a.take.verdict.tokens.remaining, 900 - i * 40);
        limiter_settle(b->instances[i % 2], &a.take, 40);
        pump_until(b->loop, is_quiet, b->instances[i % 2]);
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(take_from(b, b->instances[i], &a, &p, 1), QUOTA_REQUESTS);
        assert_in_range(a.take.verdict.retry_after_ms, 50000, 60000);
        assert_false(limiter_holds(&a.take));
        assert_int_equal(figures_of(b->instances[i]).by_local, 0);
    }
    assert_int_equal(tokens(b), 200);
}

static void places_are_shared_too(void **state)
{
    struct bench *b = *state;
    struct asked a[3], other;

    make_instances(b);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(take(b, &a[i], &all_limits, 1), QUOTA_OK);
    assert_int_equal(take_from(b, b->instances[1], &other, &all_limits, 1), QUOTA_CONCURRENCY);
    settle(b, &a[1], 1);
    pump_until(b->loop, is_quiet, b->l);
    assert_int_equal(take_from(b, b->instances[1], &other, &all_limits, 1), QUOTA_OK);
    limiter_settle(b->instances[1], &other.take, 1);
    settle(b, &a[0], 1);
    settle(b, &a[2], 1);
    pump_until(b->loop, is_quiet, b->l);
    pump_until(b->loop, is_quiet, b->instances[1]);
    assert_int_equal(places(b), 0);
    assert_int_equal(requests(b), 4);
}

static void no_limits_ask_nobody(void **state)
{
    struct bench *b = *state;
    struct principal p = {.key_id = 7};
    struct asked a;

    make_instances(b);
    begin(b->l, &a, &p, 100);
    assert_int_equal(a.rc, OK);
    assert_false(limiter_holds(&a.take));
}

struct kept {
    char bytes[2][8192];
    size_t len[2];
};

static void keep(struct bench *b, struct kept *ret)
{
    static const char *const dumps[] = {"DUMP courier:{k7}:windows", "DUMP courier:{k7}:leases"};

    for (int i = 0; i < 2; i++) {
        redis_must(&b->server, dumps[i]);
        struct slice text = b->server.reply.values[0].text;
        ret->len[i] = text.len;
        memcpy(ret->bytes[i], text.at, text.len);
    }
}

static void refusals_change_nothing(void **state)
{
    struct bench *b = *state;
    struct principal p = all_limits;
    struct kept before, after;
    struct asked held, a;

    make_instances(b);
    p.concurrency = 1;
    assert_int_equal(take(b, &held, &p, 10), QUOTA_OK);
    keep(b, &before);
    for (int i = 0; i < 50; i++) {
        p.concurrency = 1 + (uint64_t)i % 2;
        p.rpm = i % 4 == 1 ? 1 : 10;
        uint64_t wanted = i % 4 == 3 ? 991 : 1;
        assert_true(take(b, &a, &p, wanted) > QUOTA_OK);
    }
    keep(b, &after);
    assert_memory_equal(before.len, after.len, sizeof(before.len));
    for (int i = 0; i < 2; i++)
        assert_memory_equal(before.bytes[i], after.bytes[i], before.len[i]);
    settle(b, &held, 10);
}

static void forgotten_scripts_are_sent_again(void **state)
{
    struct bench *b = *state;
    struct asked a;

    make_instances(b);
    for (int i = 0; i < 4; i++) {
        redis_must(&b->server, "SCRIPT FLUSH");
        assert_int_equal(take(b, &a, &all_limits, 10), QUOTA_OK);
        redis_must(&b->server, "SCRIPT FLUSH");
        settle(b, &a, 20);
        pump_until(b->loop, is_quiet, b->l);
    }
    assert_int_equal(figures_of(b->l).by_redis, 4);
    assert_int_equal(figures_of(b->l).refusals, 0);
    assert_int_equal(places(b), 0);
    assert_int_equal(tokens(b), 80);
}

static bool was_renewed(void *arg)
{
    struct bench *b = arg;

    return redis_says(b, "ZCARD courier:{k7}:leases") == 2;
}

/* Running requests keep their places, also when Redis has lost them; a dead instance does not. */
static void places_are_renewed(void **state)
{
    struct bench *b = *state;
    struct asked a, c, dead;

    b->policy.lease_ms = 1000;
    make_instances(b);
    assert_int_equal(take(b, &a, &all_limits, 10), QUOTA_OK);
    assert_int_equal(take(b, &c, &all_limits, 10), QUOTA_OK);
    assert_int_equal(take_from(b, b->instances[1], &dead, &all_limits, 10), QUOTA_OK);
    redis_must(&b->server, "FLUSHALL");
    limiter_free(b->instances[1]); /* without settling: as if it had died */
    b->instances[1] = NULL;
    pump_until(b->loop, was_renewed, b);
    settle(b, &a, 1);
    settle(b, &c, 1);
    pump_until(b->loop, is_quiet, b->l);
    assert_int_equal(places(b), 0);
}

/* --- Redis is late --- */

static void a_late_answer_holds_for_who_went_on(void **state)
{
    struct bench *b = *state;
    struct asked a;

    b->policy.instances = 2;
    make_instances(b);
    set_policy(b, LIMITER_LOCAL, 5);
    pause_redis(b);
    assert_int_equal(take(b, &a, &all_limits, 100), QUOTA_OK);
    assert_int_equal(a.take.verdict.requests.limit, 5); /* of two instances */
    go_on(b);
    assert_int_equal(places(b), 1);
    assert_int_equal(requests(b), 1);
    assert_int_equal(tokens(b), 100);
    settle(b, &a, 30);
    pump_until(b->loop, is_quiet, b->l);
    assert_int_equal(places(b), 0);
    assert_int_equal(tokens(b), 30);
    struct limiter_figures f = figures_of(b->l);
    assert_int_equal(f.timeouts, 1);
    assert_int_equal(f.by_local, 1);
}

static void who_has_ended_before_the_answer_is_settled_by_it(void **state)
{
    struct bench *b = *state;
    struct asked a;

    make_instances(b);
    set_policy(b, LIMITER_OPEN, 5);
    pause_redis(b);
    assert_int_equal(take(b, &a, &all_limits, 100), QUOTA_OK);
    assert_int_equal(a.take.verdict.requests.limit, 0); /* nothing is known */
    settle(b, &a, 40);
    go_on(b);
    assert_int_equal(places(b), 0);
    assert_int_equal(requests(b), 1);
    assert_int_equal(tokens(b), 40);
    assert_int_equal(figures_of(b->l).by_open, 1);
}

static void who_was_refused_or_left_is_undone(void **state)
{
    struct bench *b = *state;
    struct asked refused, left;

    make_instances(b);
    set_policy(b, LIMITER_CLOSED, 5);
    pause_redis(b);
    assert_int_equal(take(b, &refused, &all_limits, 100), -ENOTCONN);
    assert_false(limiter_holds(&refused.take));
    set_policy(b, LIMITER_CLOSED, 60000);
    wait_a_moment(b);
    begin(b->l, &left, &all_limits, 100);
    assert_int_equal(left.rc, AGAIN);
    assert_true(limiter_holds(&left.take));
    settle(b, &left, 100);
    go_on(b);
    assert_false(left.done);
    assert_int_equal(places(b), 0);
    assert_int_equal(requests(b), 0);
    assert_int_equal(tokens(b), 0);
    assert_int_equal(figures_of(b->l).by_closed, 1);
}

static void a_share_refuses_what_redis_has_let_in_already(void **state)
{
    struct bench *b = *state;
    struct asked a;
    struct principal p = {.key_id = 7, .rpm = 4};

    b->policy.instances = 2;
    make_instances(b);
    for (int i = 0; i < 2; i++)
        assert_int_equal(take(b, &a, &p, 0), QUOTA_OK);
    set_policy(b, LIMITER_LOCAL, 5);
    pause_redis(b);
    assert_int_equal(take(b, &a, &p, 0), QUOTA_REQUESTS);
    go_on(b);
    assert_int_equal(requests(b), 2);
}

struct twice {
    struct limiter *l;
    struct limiter_take first, second;
    int second_rc;
    bool done;
};

static void on_first_done(struct op *op, int rc)
{
    struct twice *t = container_of(op, struct twice, first.op);

    assert_int_equal(rc, OK);
    t->second_rc = limiter_take(t->l, &t->second, &all_limits, 1);
    t->done = true;
}

static bool is_done_twice(void *arg)
{
    return ((struct twice *)arg)->done;
}

/* A request that takes twice waits once. */
static void nobody_waits_in_vain_twice(void **state)
{
    struct bench *b = *state;
    struct twice t = {.first.op.done = on_first_done};

    make_instances(b);
    t.l = b->l;
    set_policy(b, LIMITER_OPEN, 5);
    pause_redis(b);
    assert_int_equal(limiter_take(b->l, &t.first, &all_limits, 1), AGAIN);
    pump_until(b->loop, is_done_twice, &t);
    assert_int_equal(t.second_rc, OK);
    assert_int_equal(figures_of(b->l).by_open, 2);
    limiter_settle(b->l, &t.second, 1);
    limiter_settle(b->l, &t.first, 1);
    go_on(b);
    assert_int_equal(places(b), 0);
}

/* --- the circuit --- */

static void after_some_failures_nobody_waits(void **state)
{
    struct principal p = {.key_id = 7, .rpm = 10, .tpm = 1000};
    struct bench *b = *state;
    struct asked a;

    make_instances(b);
    set_policy(b, LIMITER_OPEN, 5);
    pause_redis(b);
    for (int i = 0; i < 5; i++) {
        wait_a_moment(b);
        begin(b->l, &a, &p, 1);
        assert_int_equal(a.rc, AGAIN);
        pump_until(b->loop, is_done, &a);
        settle(b, &a, 1);
    }
    assert_false(figures_of(b->l).reached);
    assert_string_equal(figures_of(b->l).why, "no answer in time");
    for (int i = 0; i < 100; i++) {
        begin(b->l, &a, &p, 1);
        assert_int_equal(a.rc, OK);
        settle(b, &a, 1);
    }
    set_policy(b, LIMITER_OPEN, 60000);
    go_on(b);
    assert_int_equal(places(b), 0);
    assert_int_equal(requests(b), 5);
    assert_int_equal(take(b, &a, &p, 1), QUOTA_OK);
    assert_int_equal(figures_of(b->l).by_redis, 1);
    settle(b, &a, 1);
}

/* Errors of Redis are failures too, and probed with what requests need. */
static void a_redis_that_refuses_is_not_asked(void **state)
{
    struct bench *b = *state;
    struct asked a;

    make_instances(b);
    set_policy(b, LIMITER_CLOSED, 60000);
    redis_must(&b->server, "REPLICAOF 127.0.0.1 1"); /* READONLY from now on */
    for (int i = 0; i < 5; i++)
        assert_int_equal(take(b, &a, &all_limits, 1), -ENOTCONN);
    assert_false(figures_of(b->l).reached);
    assert_non_null(strstr(figures_of(b->l).why, "READONLY"));
    begin(b->l, &a, &all_limits, 1);
    assert_int_equal(a.rc, -ENOTCONN);
    redis_must(&b->server, "REPLICAOF NO ONE");
    pump_until(b->loop, is_reached, b->l);
    assert_int_equal(take(b, &a, &all_limits, 1), QUOTA_OK);
    settle(b, &a, 1);
}

/* --- Redis is away --- */

static bool is_lost(void *arg)
{
    return !figures_of(arg).reached;
}

static void without_redis_each_keeps_its_share(void **state)
{
    struct bench *b = *state;
    struct principal p = {.key_id = 7, .rpm = 9, .concurrency = 1};
    struct asked a;

    b->policy.instances = 4;
    assert_int_equal(make(b, 0, redis_free_port()), OK); /* nobody listens there */
    b->l = b->instances[0];
    for (int i = 0; i < 2; i++) {
        begin(b->l, &a, &p, 0);
        assert_int_equal(a.rc, OK);
        assert_int_equal(a.take.verdict.refused, QUOTA_OK);
        assert_int_equal(a.take.verdict.requests.limit, 2);
        struct asked second;
        begin(b->l, &second, &p, 0);
        assert_int_equal(second.take.verdict.refused, i ? QUOTA_REQUESTS : QUOTA_CONCURRENCY);
        settle(b, &a, 0);
    }
}

static bool is_settled(void *arg)
{
    return figures_of(arg).unsettled == 0;
}

static void what_could_not_be_given_back_is_owed(void **state)
{
    struct bench *b = *state;
    struct asked a[3];

    make_instances(b);
    for (int i = 0; i < 3; i++)
        assert_int_equal(take(b, &a[i], &all_limits, 10), QUOTA_OK);
    redis_must(&b->server, "CLIENT KILL TYPE normal");
    pump_until(b->loop, is_lost, b->l);
    for (int i = 0; i < 3; i++)
        settle(b, &a[i], 5);
    assert_int_equal(figures_of(b->l).unsettled, 3);
    pump_until(b->loop, is_settled, b->l);
    pump_until(b->loop, is_quiet, b->l);
    assert_int_equal(places(b), 0);
    assert_int_equal(tokens(b), 15);
    assert_int_equal(figures_of(b->l).forgotten, 0);
}

/* Whether Redis carried it out before the connection was lost is not known: no place stays. */
static void a_take_that_was_cut_off_leaves_no_place(void **state)
{
    struct bench *b = *state;
    struct asked a;

    make_instances(b);
    set_policy(b, LIMITER_LOCAL, 60000);
    pause_redis(b);
    begin(b->l, &a, &all_limits, 10);
    assert_int_equal(a.rc, AGAIN);
    pump_turns(b->loop, 3);
    redis_server_kill(&b->server);
    pump_until(b->loop, is_done, &a);
    assert_int_equal(a.rc, OK);
    assert_int_equal(figures_of(b->l).unsettled, 1);
    settle(b, &a, 5);
    redis_server_start(&b->server);
    pump_until(b->loop, is_settled, b->l);
    pump_until(b->loop, is_quiet, b->l);
    assert_int_equal(places(b), 0);
}

static bool is_owed(void *arg)
{
    return figures_of(arg).unsettled == 1;
}

/* The same for a place that is given back. */
static void a_settlement_that_was_cut_off_is_owed(void **state)
{
    struct bench *b = *state;
    struct asked a;

    make_instances(b);
    assert_int_equal(take(b, &a, &all_limits, 10), QUOTA_OK);
    pause_redis(b);
    settle(b, &a, 5);
    pump_turns(b->loop, 3);
    redis_server_kill(&b->server);
    pump_until(b->loop, is_owed, b->l);
    redis_server_start(&b->server);
    pump_until(b->loop, is_settled, b->l);
    pump_until(b->loop, is_quiet, b->l);
    assert_int_equal(places(b), 0);
    assert_int_equal(figures_of(b->l).forgotten, 0);
}

/* It would refuse it again. */
static void a_settlement_that_redis_refuses_is_forgotten(void **state)
{
    struct bench *b = *state;
    struct asked a;

    make_instances(b);
    assert_int_equal(take(b, &a, &all_limits, 10), QUOTA_OK);
    redis_must(&b->server, "SET courier:{k7}:leases another's");
    settle(b, &a, 5);
    pump_until(b->loop, is_quiet, b->l);
    assert_int_equal(figures_of(b->l).unsettled, 0);
    assert_int_equal(figures_of(b->l).forgotten, 1);
}

static void a_restart_forgets_and_goes_on(void **state)
{
    struct bench *b = *state;
    struct asked a;

    make_instances(b);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(take(b, &a, &all_limits, 10), QUOTA_OK);
        redis_server_kill(&b->server);
        pump_until(b->loop, is_lost, b->l);
        settle(b, &a, 5);
        redis_server_start(&b->server);
        pump_until(b->loop, is_reached, b->l);
    }
    assert_int_equal(figures_of(b->l).by_redis, 3);
}

/* --- memory --- */

static void every_allocation_may_fail(void **state)
{
    struct bench *b = *state;

    make_instances(b);
    set_policy(b, LIMITER_LOCAL, 60000);
    for (unsigned n = 1;; n++) {
        struct asked a = {0};
        alloc_fail_at(n);
        begin(b->l, &a, &all_limits, 10);
        if (!a.done)
            pump_until(b->loop, is_done, &a);
        if (a.rc == OK && a.take.verdict.refused == QUOTA_OK)
            settle(b, &a, 5);
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        pump_until(b->loop, is_quiet, b->l);
        redis_must(&b->server, "DEL courier:{k7}:windows courier:{k7}:leases");
        if (!hit)
            break;
        assert_true(a.rc == OK || a.rc == -ENOMEM);
    }
    assert_int_equal(figures_of(b->l).unsettled, 0);
}

static void making_one_may_fail(void **state)
{
    struct bench *b = *state;

    for (unsigned n = 1;; n++) {
        alloc_fail_at(n);
        int rc = make(b, 0, b->server.port);
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        if (!hit) {
            assert_int_equal(rc, OK);
            break;
        }
        assert_int_equal(rc, -ENOMEM);
    }
    struct limiter_options wrong = {.loop = b->loop, .redis = secret_of(SLICE("redis://"))};
    assert_int_equal(limiter_new(&wrong, &b->instances[1]), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(instances_share_the_limits),
        TEST(places_are_shared_too),
        TEST(no_limits_ask_nobody),
        TEST(refusals_change_nothing),
        TEST(forgotten_scripts_are_sent_again),
        TEST(places_are_renewed),
        TEST(a_late_answer_holds_for_who_went_on),
        TEST(who_has_ended_before_the_answer_is_settled_by_it),
        TEST(who_was_refused_or_left_is_undone),
        TEST(a_share_refuses_what_redis_has_let_in_already),
        TEST(nobody_waits_in_vain_twice),
        TEST(after_some_failures_nobody_waits),
        TEST(a_redis_that_refuses_is_not_asked),
        TEST(without_redis_each_keeps_its_share),
        TEST(what_could_not_be_given_back_is_owed),
        TEST(a_take_that_was_cut_off_leaves_no_place),
        TEST(a_settlement_that_was_cut_off_is_owed),
        TEST(a_settlement_that_redis_refuses_is_forgotten),
        TEST(a_restart_forgets_and_goes_on),
        TEST(every_allocation_may_fail),
        TEST(making_one_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
