/* test_cache_remote.c: answers in a real Redis, and what happens when it is none. */

#include "service/cache_remote.h"

#include "support/pump.h"
#include "support/raw_peer.h"
#include "support/redis_server.h"

#include <errno.h>
#include <stdlib.h>

enum { LONG = 60000, SHORT = 20, ENTRY = 1 << 20 };

struct bench {
    struct loop *loop;
    struct redis_server server;
    struct raw_peer peer;
    struct cache_store *store;
};

struct asked {
    struct cache_fetch fetch;
    struct bench *bench;
    bool done;
    int rc;
};

static const unsigned char seal_key[CACHE_SEAL_LEN] = "0123456789abcdef0123456789abcde";
static const struct cache_key key = {"the key of the answer, 32 bytes"};

static int open_store(struct bench *b, uint16_t port, uint64_t timeout_ms,
                      const unsigned char *seal)
{
    char url[64];
    struct cache_remote_options options = {
        .loop = b->loop, .seal_key = seal, .timeout_ms = timeout_ms, .entry_bytes = ENTRY};

    snprintf(url, sizeof(url), "redis://127.0.0.1:%u", port);
    options.url = secret_of(slice_str(url));
    if (b->store)
        b->store->methods->close(b->store);
    b->store = NULL;
    return cache_remote_new(&options, &b->store);
}

static int keep(struct bench *b, struct slice body, uint64_t ttl_ms)
{
    const struct cache_answer answer = {
        .content_type = SLICE("application/json"),
        .provider = SLICE("box"),
        .body = &body,
        .body_len = 1,
    };

    return b->store->methods->keep(b->store, &key, &answer, ttl_ms);
}

static void on_fetched(struct op *op, int rc)
{
    struct asked *a = container_of(op, struct asked, fetch.op);

    assert_false(a->done);
    a->done = true;
    a->rc = rc;
}

static int fetch(struct bench *b, struct asked *a)
{
    *a = (struct asked){.fetch.op.done = on_fetched, .bench = b};
    return b->store->methods->fetch(b->store, &key, &a->fetch);
}

static bool is_done(void *arg)
{
    struct asked *a = arg;

    if (a->bench->peer.port)
        raw_peer_poll(&a->bench->peer);
    return a->done;
}

static bool is_kept(void *arg)
{
    return keep(arg, SLICE("the answer"), LONG) == OK;
}

/* Until Redis is asked: it was down, or rested. */
static bool is_asked(void *arg)
{
    struct asked *a = arg;

    if (a->bench->peer.port)
        raw_peer_poll(&a->bench->peer);
    return fetch(a->bench, a) == AGAIN;
}

static int fetch_now(struct bench *b, struct asked *a)
{
    a->bench = b;
    pump_until(b->loop, is_asked, a);
    pump_until(b->loop, is_done, a);
    return a->rc;
}

static void make_store(struct bench *b)
{
    assert_int_equal(open_store(b, b->server.port, LONG, seal_key), OK);
    pump_until(b->loop, is_kept, b);
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));

    b->loop = loop_new();
    redis_server_open(&b->server, NULL);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    if (b->store)
        b->store->methods->close(b->store);
    redis_server_close(&b->server);
    if (b->peer.port)
        raw_peer_close(&b->peer);
    loop_free(b->loop);
    free(b);
    return 0;
}

static void what_is_kept_is_found(void **state)
{
    struct bench *b = *state;
    struct asked a;

    make_store(b);
    assert_int_equal(fetch_now(b, &a), OK);
    assert_true(slice_eq(a.fetch.entry->body, SLICE("the answer")));
    assert_true(slice_eq(a.fetch.entry->provider, SLICE("box")));
    cache_entry_drop(a.fetch.entry);
    assert_int_equal(keep(b, SLICE("a later one"), LONG), OK);
    assert_int_equal(fetch_now(b, &a), OK);
    assert_true(slice_eq(a.fetch.entry->body, SLICE("a later one")));
    cache_entry_drop(a.fetch.entry);
    redis_must(&b->server, "FLUSHALL");
    assert_int_equal(fetch_now(b, &a), -ENOENT);
}

static void a_large_one(void **state)
{
    struct bench *b = *state;
    char *text = malloc(ENTRY);
    struct asked a;

    memset(text, 'x', ENTRY);
    make_store(b);
    assert_int_equal(keep(b, slice_of(text, ENTRY), LONG), OK);
    assert_int_equal(fetch_now(b, &a), OK);
    assert_true(slice_eq(a.fetch.entry->body, slice_of(text, ENTRY)));
    cache_entry_drop(a.fetch.entry);
    free(text);
}

static void its_name_and_its_time(void **state)
{
    char command[200];
    struct bench *b = *state;
    struct asked a;

    make_store(b);
    assert_int_equal(fetch_now(b, &a), OK); /* and so it is there */
    cache_entry_drop(a.fetch.entry);
    redis_must(&b->server, "KEYS *");
    assert_int_equal(b->server.reply.values[0].number, 1);
    struct slice name = b->server.reply.values[1].text;
    assert_int_equal(name.len, 15 + 64);
    assert_true(slice_starts(name, SLICE("courier:answer:746865206b6579")));
    snprintf(command, sizeof(command), "PTTL %.*s", SLICE_FMT(name));
    int64_t left = redis_number(&b->server, command);
    assert_true(left > 0 && left <= LONG);
}

static void redis_cannot_read_or_change_it(void **state)
{
    static const unsigned char other_seal[CACHE_SEAL_LEN] = "x";
    char command[200];
    struct bench *b = *state;
    struct asked a;

    make_store(b);
    assert_int_equal(fetch_now(b, &a), OK);
    cache_entry_drop(a.fetch.entry);
    redis_must(&b->server, "KEYS *");
    char name[128];
    snprintf(name, sizeof(name), "%.*s", SLICE_FMT(b->server.reply.values[1].text));
    snprintf(command, sizeof(command), "GET %s", name);
    redis_must(&b->server, command);
    struct slice value = b->server.reply.values[0].text;
    assert_true(value.len > 0);
    assert_true(slice_find(value, SLICE("answer")) == value.len);

    assert_int_equal(open_store(b, b->server.port, LONG, other_seal), OK);
    assert_int_equal(fetch_now(b, &a), -EBADMSG);
    snprintf(command, sizeof(command), "APPEND %s x", name);
    redis_must(&b->server, command);
    assert_int_equal(open_store(b, b->server.port, LONG, seal_key), OK);
    assert_int_equal(fetch_now(b, &a), -EBADMSG);
    snprintf(command, sizeof(command), "DEL %s", name);
    redis_must(&b->server, command);
    snprintf(command, sizeof(command), "LPUSH %s x", name);
    redis_must(&b->server, command);
    assert_int_equal(fetch_now(b, &a), -EREMOTEIO);
}

static void cancelled_it_is_quiet(void **state)
{
    struct bench *b = *state;
    struct asked a, other;

    make_store(b);
    assert_int_equal(fetch(b, &a), AGAIN);
    assert_int_equal(fetch(b, &other), AGAIN);
    b->store->methods->cancel(b->store, &a.fetch);
    b->store->methods->cancel(b->store, &a.fetch);
    pump_until(b->loop, is_done, &other);
    assert_false(a.done);
    cache_entry_drop(other.fetch.entry);
}

static bool is_down(void *arg)
{
    struct asked *a = arg;

    if (fetch(a->bench, a) == AGAIN)
        a->bench->store->methods->cancel(a->bench->store, &a->fetch);
    else
        return keep(a->bench, SLICE("x"), LONG) == -ENOTCONN;
    return false;
}

static void away_and_back(void **state)
{
    struct bench *b = *state;
    struct asked a = {.bench = b};

    make_store(b);
    redis_server_kill(&b->server);
    pump_until(b->loop, is_down, &a);
    assert_int_equal(fetch(b, &a), -ENOTCONN);
    redis_server_start(&b->server);
    pump_until(b->loop, is_kept, b);
    assert_int_equal(fetch_now(b, &a), OK);
    cache_entry_drop(a.fetch.entry);
}

static bool has_greeted(void *arg)
{
    struct bench *b = arg;
    struct raw_peer *p = &b->peer;

    raw_peer_poll(p);
    return p->len && p->conns[p->len - 1].bytes && strstr(p->conns[p->len - 1].bytes, "PING\r\n");
}

static void one_that_does_not_answer_is_left_alone(void **state)
{
    struct bench *b = *state;
    struct asked a;

    raw_peer_open(&b->peer);
    assert_int_equal(open_store(b, b->peer.port, SHORT, seal_key), OK);
    pump_until(b->loop, has_greeted, b);
    raw_peer_say(&b->peer, b->peer.len - 1, "+PONG\r\n");
    for (int i = 0; i < 3; i++)
        assert_int_equal(fetch_now(b, &a), -ETIMEDOUT);
    assert_int_equal(fetch(b, &a), -EAGAIN); /* it rests: nobody waits */
    assert_int_equal(keep(b, SLICE("x"), LONG), -EAGAIN);
    assert_int_equal(fetch_now(b, &a), -ETIMEDOUT); /* asked once more, in vain */
    assert_int_equal(fetch(b, &a), -EAGAIN);
}

static void a_wrong_url_is_told(void **state)
{
    struct bench *b = *state;
    struct cache_remote_options options = {
        .loop = b->loop, .url = secret_of(SLICE("http://x")), .seal_key = seal_key};

    assert_int_equal(cache_remote_new(&options, &b->store), -EINVAL);
    options.url = secret_of(SLICE("rediss://127.0.0.1:1"));
    assert_int_equal(cache_remote_new(&options, &b->store), -EPROTO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_kept_is_found),
        TEST(a_large_one),
        TEST(its_name_and_its_time),
        TEST(redis_cannot_read_or_change_it),
        TEST(cancelled_it_is_quiet),
        TEST(away_and_back),
        TEST(one_that_does_not_answer_is_left_alone),
        TEST(a_wrong_url_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
