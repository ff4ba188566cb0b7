/* test_redis.c: the Redis client against a peer played by hand and against a real server. */

#include "store/redis.h"

#include "support/alloc_fail.h"
#include "support/pump.h"
#include "support/raw_peer.h"
#include "support/redis_server.h"

#include <errno.h>
#include <stdlib.h>

enum { MB = 1 << 20 };

struct asked {
    struct redis_call call;
    bool done;
    int rc;
    struct resp_value values[8];
    char text[256]; /* of values[0] */
    struct slice want;
    bool as_wanted; /* values[0].text was `want` */
};

struct bench {
    struct loop *loop;
    struct raw_peer peer;
    struct redis *redis;
    unsigned ups, downs;
};

static void on_done(struct op *op, int rc)
{
    struct asked *a = container_of(op, struct asked, call.op);

    assert_false(a->done);
    a->done = true;
    a->rc = rc;
    if (rc != OK && rc != -EREMOTEIO)
        return;
    const struct resp_reply *r = a->call.reply;
    memcpy(a->values, r->values, MIN(r->len, ARRAY_LEN(a->values)) * sizeof(a->values[0]));
    snprintf(a->text, sizeof(a->text), "%.*s", (int)MIN(r->values[0].text.len, sizeof(a->text) - 1),
             r->values[0].text.at ? r->values[0].text.at : "");
    a->as_wanted = a->want.at && slice_eq(a->want, r->values[0].text);
}

static void on_state(void *owner, bool up)
{
    struct bench *b = owner;

    up ? b->ups++ : b->downs++;
}

static int try_redis(struct bench *b, const char *url, const struct redis_limits *limits)
{
    const struct redis_options options = {
        .url = secret_of(slice_str(url)),
        .limits = limits ? *limits : redis_limits_usual,
        .on_state = on_state,
        .owner = b,
    };
    return redis_new(b->loop, &options, &b->redis);
}

static void make_redis(struct bench *b, const char *url, const struct redis_limits *limits)
{
    b->ups = b->downs = 0;
    assert_int_equal(try_redis(b, url, limits), OK);
}

static void make_redis_at(struct bench *b, uint16_t port, const struct redis_limits *limits)
{
    char url[64];

    snprintf(url, sizeof(url), "redis://127.0.0.1:%u", port);
    make_redis(b, url, limits);
}

static int ask_until(struct bench *b, struct asked *a, const char *command, uint64_t deadline_ms)
{
    struct slice words[8], rest = slice_str(command);
    size_t n = 0;

    *a = (struct asked){.call.op.done = on_done, .want = a->want};
    while (rest.len)
        words[n++] = slice_cut(&rest, ' ');
    return redis_start(b->redis, &a->call, words, n, deadline_ms);
}

static void ask(struct bench *b, struct asked *a, const char *command)
{
    assert_int_equal(ask_until(b, a, command, 0), AGAIN);
}

static bool is_up(void *arg)
{
    struct bench *b = arg;

    if (b->peer.port)
        raw_peer_poll(&b->peer);
    return redis_is_up(b->redis);
}

static bool was_down(void *arg)
{
    struct bench *b = arg;

    if (b->peer.port)
        raw_peer_poll(&b->peer);
    return b->downs > 0;
}

static bool is_done(void *arg)
{
    return ((struct asked *)arg)->done;
}

struct heard {
    struct bench *b;
    const char *text;
};

static bool has_heard(void *arg)
{
    struct heard *h = arg;
    struct raw_peer *p = &h->b->peer;

    raw_peer_poll(p);
    return p->len && p->conns[p->len - 1].bytes && strstr(p->conns[p->len - 1].bytes, h->text);
}

static void hear(struct bench *b, const char *text)
{
    pump_until(b->loop, has_heard, &(struct heard){b, text});
}

static void say(struct bench *b, const char *text)
{
    raw_peer_say(&b->peer, b->peer.len - 1, text);
}

/* With a played peer; the greeting is done. */
static void stand(struct bench *b, const struct redis_limits *limits)
{
    make_redis_at(b, b->peer.port, limits);
    hear(b, "PING\r\n");
    say(b, "+PONG\r\n");
    pump_until(b->loop, is_up, b);
    raw_peer_forget(&b->peer, b->peer.len - 1);
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));

    b->loop = loop_new();
    raw_peer_open(&b->peer);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    redis_free(b->redis);
    raw_peer_close(&b->peer);
    loop_free(b->loop);
    free(b);
    return 0;
}

/* --- the greeting --- */

static void the_greeting_says_who_and_where(void **state)
{
    struct bench *b = *state;
    char url[128];

    snprintf(url, sizeof(url), "redis://us%%65r:p%%40ss%%2Fw@127.0.0.1:%u/3", b->peer.port);
    make_redis(b, url, NULL);
    assert_false(redis_is_up(b->redis));
    hear(b, "PING\r\n");
    assert_string_equal(b->peer.conns[0].bytes,
                        "*3\r\n$4\r\nAUTH\r\n$4\r\nuser\r\n$6\r\np@ss/w\r\n"
                        "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*1\r\n$4\r\nPING\r\n");
    say(b, "+OK\r\n+OK\r\n");
    pump_turns(b->loop, 20);
    assert_false(redis_is_up(b->redis));
    say(b, "+PONG\r\n");
    pump_until(b->loop, is_up, b);
    assert_int_equal(b->ups, 1);
    assert_int_equal(b->downs, 0);
}

static void a_password_alone_is_enough(void **state)
{
    struct bench *b = *state;
    char url[128];

    snprintf(url, sizeof(url), "redis://:secret@127.0.0.1:%u/", b->peer.port);
    make_redis(b, url, NULL);
    hear(b, "PING\r\n");
    assert_string_equal(b->peer.conns[0].bytes,
                        "*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n*1\r\n$4\r\nPING\r\n");
}

static void a_refused_greeting_is_a_failure_with_its_words(void **state)
{
    struct bench *b = *state;
    struct asked a = {0};

    make_redis_at(b, b->peer.port, NULL);
    hear(b, "PING\r\n");
    say(b, "-LOADING Redis is loading the dataset in memory\r\n");
    pump_until(b->loop, was_down, b);
    assert_string_equal(redis_why(b->redis), "LOADING Redis is loading the dataset in memory");
    assert_int_equal(ask_until(b, &a, "GET a", 0), -ENOTCONN);
    raw_peer_forget(&b->peer, 0);
    hear(b, "PING\r\n"); /* the next attempt, on a connection of its own */
    assert_int_equal(b->peer.len, 2);
    say(b, "+PONG\r\n");
    pump_until(b->loop, is_up, b);
}

static void a_password_is_never_told(void **state)
{
    struct bench *b = *state;
    char url[128];

    snprintf(url, sizeof(url), "redis://:secret@127.0.0.1:%u/", b->peer.port);
    make_redis(b, url, NULL);
    hear(b, "PING\r\n");
    say(b, "-ERR unknown command `AUTH`, with args beginning with: `secret`, \r\n");
    pump_until(b->loop, was_down, b);
    assert_string_equal(redis_why(b->redis), "ERR unknown command `AUTH`");
}

static void who_does_not_greet_in_time_is_given_up(void **state)
{
    struct redis_limits limits = redis_limits_usual;
    struct bench *b = *state;

    limits.connect_ms = 20;
    make_redis_at(b, b->peer.port, &limits);
    pump_until(b->loop, was_down, b);
    assert_non_null(strstr(redis_why(b->redis), "ETIMEDOUT"));
}

static void nobody_there(void **state)
{
    struct bench *b = *state;
    char url[64];

    make_redis_at(b, raw_peer_dead_port(), NULL);
    pump_until(b->loop, was_down, b);
    assert_non_null(strstr(redis_why(b->redis), "ECONNREFUSED"));
    redis_free(b->redis);

    /* a name: all of its addresses are tried */
    snprintf(url, sizeof(url), "redis://localhost:%u", b->peer.port);
    make_redis(b, url, NULL);
    hear(b, "PING\r\n");
    redis_free(b->redis);

    make_redis(b, "redis://no-such-host.invalid", NULL);
    pump_until(b->loop, was_down, b);
    redis_free(b->redis);

    make_redis(b, "redis://also-none.invalid", NULL); /* freed while it resolves */
    pump_turns(b->loop, 2);
}

static void urls_are_checked(void **state)
{
    struct bench *b = *state;

    assert_int_equal(try_redis(b, "http://127.0.0.1", NULL), -EINVAL);
    assert_int_equal(try_redis(b, "rediss://127.0.0.1", NULL), -EPROTO);
    assert_null(b->redis);
}

/* --- commands --- */

static void commands_of_a_turn_leave_together(void **state)
{
    struct bench *b = *state;
    struct asked one = {0}, two = {0}, three = {0};

    stand(b, NULL);
    ask(b, &one, "GET a");
    ask(b, &two, "MGET a b");
    ask(b, &three, "INCR c");
    hear(b, "INCR\r\n$1\r\nc\r\n");
    assert_string_equal(b->peer.conns[0].bytes, "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
                                                "*3\r\n$4\r\nMGET\r\n$1\r\na\r\n$1\r\nb\r\n"
                                                "*2\r\n$4\r\nINCR\r\n$1\r\nc\r\n");
    assert_int_equal(redis_due(b->redis), 3);
    say(b, "$3\r\nabc\r\n*2\r\n$-1\r\n$1\r\nx\r\n-ERR value is not an integer\r\n");
    pump_until(b->loop, is_done, &three);
    assert_int_equal(one.rc, OK);
    assert_string_equal(one.text, "abc");
    assert_int_equal(two.rc, OK);
    assert_int_equal(two.values[0].kind, RESP_ARRAY);
    assert_int_equal(two.values[1].kind, RESP_NULL);
    assert_int_equal(two.values[2].kind, RESP_BYTES);
    assert_int_equal(three.rc, -EREMOTEIO);
    assert_string_equal(three.text, "ERR value is not an integer");
    assert_int_equal(redis_due(b->redis), 0);
}

static void replies_cut_at_every_byte(void **state)
{
    static const char replies[] = "$3\r\nabc\r\n*2\r\n:1\r\n$-1\r\n+OK\r\n-ERR no\r\n";
    struct bench *b = *state;

    stand(b, NULL);
    for (size_t cut = 1; cut < sizeof(replies) - 1; cut++) {
        struct asked a[4] = {0};
        for (size_t i = 0; i < 4; i++)
            ask(b, &a[i], "GET a");
        hear(b, "GET");
        raw_peer_send(&b->peer, 0, replies, cut);
        pump_turns(b->loop, 3);
        assert_false(a[3].done);
        raw_peer_send(&b->peer, 0, replies + cut, sizeof(replies) - 1 - cut);
        pump_until(b->loop, is_done, &a[3]);
        assert_string_equal(a[0].text, "abc");
        assert_int_equal(a[1].values[1].number, 1);
        assert_string_equal(a[2].text, "OK");
        assert_int_equal(a[3].rc, -EREMOTEIO);
        raw_peer_forget(&b->peer, 0);
    }
    assert_int_equal(b->downs, 0);
}

static void a_late_reply_is_thrown_away(void **state)
{
    struct bench *b = *state;
    struct asked late = {0}, next = {0};

    stand(b, NULL);
    assert_int_equal(ask_until(b, &late, "GET late", 5), AGAIN);
    pump_until(b->loop, is_done, &late);
    assert_int_equal(late.rc, -ETIMEDOUT);
    assert_int_equal(redis_due(b->redis), 1);
    memset(&late, 0xff, sizeof(late)); /* its owner has gone */
    ask(b, &next, "GET next");
    hear(b, "next");
    say(b, "$4\r\nlate\r\n$4\r\nnext\r\n");
    pump_until(b->loop, is_done, &next);
    assert_string_equal(next.text, "next");
}

static void a_cancelled_command_is_silent(void **state)
{
    struct bench *b = *state;
    struct asked gone = {0}, next = {0}, never = {0};

    stand(b, NULL);
    assert_int_equal(ask_until(b, &gone, "GET gone", 1000), AGAIN);
    ask(b, &next, "GET next");
    redis_cancel(&gone.call);
    redis_cancel(&gone.call);
    redis_cancel(&never.call);
    hear(b, "next");
    say(b, "$4\r\ngone\r\n$4\r\nnext\r\n");
    pump_until(b->loop, is_done, &next);
    assert_string_equal(next.text, "next");
    assert_false(gone.done);
    redis_cancel(&next.call);
}

static void the_line_is_limited(void **state)
{
    struct redis_limits limits = redis_limits_usual;
    struct bench *b = *state;
    struct asked a[5] = {0};

    limits.commands = 4;
    stand(b, &limits);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 4; i++)
            ask(b, &a[i], "GET a");
        assert_int_equal(ask_until(b, &a[4], "GET a", 10), -EBUSY);
        assert_false(timer_is_set(&a[4].call.deadline));
        redis_cancel(&a[0].call); /* its reply is still due */
        assert_int_equal(ask_until(b, &a[4], "GET a", 0), -EBUSY);
        say(b, ":0\r\n:1\r\n:2\r\n:3\r\n");
        pump_until(b->loop, is_done, &a[3]);
        for (int i = 1; i < 4; i++)
            assert_int_equal(a[i].values[0].number, i);
    }
}

/* A server that does not read: what is not sent has a limit, and goes on where it stopped. */
static void what_is_not_sent_is_limited(void **state)
{
    static char bytes[MB];
    static struct asked a[64];
    struct redis_limits limits = redis_limits_usual;
    const struct slice words[] = {SLICE("ECHO"), slice_of(bytes, sizeof(bytes))};
    struct bench *b = *state;
    unsigned n = 0;
    int rc;

    limits.bytes = 3 * MB;
    stand(b, &limits);
    b->peer.deaf = true;
    for (;; n++) {
        a[n] = (struct asked){.call.op.done = on_done};
        rc = redis_start(b->redis, &a[n].call, words, 2, 0);
        if (rc < 0)
            break;
        pump_turns(b->loop, 3);
    }
    assert_int_equal(rc, -EBUSY);
    const struct slice too_large[] = {SLICE("SET"), slice_of(bytes, MB), slice_of(bytes, MB),
                                      slice_of(bytes, MB)};
    assert_int_equal(redis_start(b->redis, &a[n].call, too_large, 4, 0), -EBUSY);
    raw_peer_hang_up(&b->peer, 0);
    pump_until(b->loop, was_down, b);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(a[i].rc, -ECONNRESET);
}

static void a_command_larger_than_the_limit_is_refused(void **state)
{
    static char bytes[MB];
    struct redis_limits limits = redis_limits_usual;
    const struct slice words[] = {SLICE("ECHO"), slice_of(bytes, sizeof(bytes))};
    struct bench *b = *state;
    struct asked a = {0};

    limits.bytes = MB;
    stand(b, &limits);
    assert_int_equal(redis_start(b->redis, &a.call, words, 2, 0), -EMSGSIZE);
    ask(b, &a, "PING");
    say(b, "$1048577\r\n"); /* as is a reply */
    pump_until(b->loop, is_done, &a);
    assert_int_equal(a.rc, -ECONNRESET);
    assert_non_null(strstr(redis_why(b->redis), "EMSGSIZE"));
}

static void a_server_that_speaks_nonsense_is_left(void **state)
{
    static const char *const nonsense[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "*100\r\n"};
    struct bench *b = *state;

    for (size_t i = 0; i < ARRAY_LEN(nonsense); i++) {
        struct asked a = {0};
        stand(b, NULL);
        ask(b, &a, "GET a");
        say(b, nonsense[i]);
        pump_until(b->loop, is_done, &a);
        assert_int_equal(a.rc, -ECONNRESET);
        assert_false(redis_is_up(b->redis));
        redis_free(b->redis);
    }
    stand(b, NULL);
    say(b, "-ERR max number of clients reached\r\n"); /* nobody asked */
    pump_until(b->loop, was_down, b);
    assert_string_equal(redis_why(b->redis), "ERR max number of clients reached");
}

static void a_reset_ends_what_is_under_way(void **state)
{
    struct bench *b = *state;
    struct asked a = {0}, c = {0};

    stand(b, NULL);
    ask(b, &a, "GET a");
    assert_int_equal(ask_until(b, &c, "GET c", 60000), AGAIN);
    redis_cancel(&a.call);
    hear(b, "GET");
    raw_peer_reset(&b->peer, 0);
    pump_until(b->loop, is_done, &c);
    assert_int_equal(c.rc, -ECONNRESET);
    assert_false(a.done);
    assert_false(timer_is_set(&c.call.deadline));
    assert_int_equal(ask_until(b, &c, "GET c", 10), -ENOTCONN);
    assert_int_equal(redis_due(b->redis), 0);
    hear(b, "PING\r\n"); /* it comes back by itself */
}

struct again {
    struct redis_call call;
    struct redis *redis;
    int second_rc;
    bool done;
};

static void on_done_again(struct op *op, int rc)
{
    struct again *a = container_of(op, struct again, call.op);
    const struct slice words[] = {SLICE("GET"), SLICE("again")};

    (void)rc;
    a->second_rc = redis_start(a->redis, &a->call, words, 2, 0);
    a->done = true;
}

static bool is_done_again(void *arg)
{
    return ((struct again *)arg)->done;
}

/* Within done the same call may begin anew, or find that there is nobody any more. */
static void done_may_ask_again(void **state)
{
    const struct slice words[] = {SLICE("GET"), SLICE("first")};
    struct bench *b = *state;

    stand(b, NULL);
    struct again a = {.call.op.done = on_done_again, .redis = b->redis};
    assert_int_equal(redis_start(b->redis, &a.call, words, 2, 0), AGAIN);
    say(b, "+OK\r\n");
    pump_until(b->loop, is_done_again, &a);
    assert_int_equal(a.second_rc, AGAIN);
    hear(b, "again\r\n");
    a.done = false;
    raw_peer_hang_up(&b->peer, 0);
    pump_until(b->loop, is_done_again, &a);
    assert_int_equal(a.second_rc, -ENOTCONN);
}

/* --- a real server --- */

static void values_of_a_megabyte(void **state)
{
    struct bench *b = *state;
    struct redis_server s;
    struct asked set = {0}, get = {0}, none = {0};
    char *bytes = malloc(MB);

    for (size_t i = 0; i < MB; i++)
        bytes[i] = (char)(i * 7 ^ i >> 9);
    redis_server_open(&s, NULL);
    make_redis_at(b, s.port, NULL);
    pump_until(b->loop, is_up, b);
    for (unsigned round = 0; round < 3; round++) {
        const struct slice words[] = {SLICE("SET"), SLICE("k"), slice_of(bytes, MB), SLICE("PX"),
                                      SLICE("60000")};
        set = (struct asked){.call.op.done = on_done};
        assert_int_equal(redis_start(b->redis, &set.call, words, 5, 60000), AGAIN);
        get.want = words[2];
        ask(b, &get, "GET k");
        ask(b, &none, "GET none");
        pump_until(b->loop, is_done, &none);
        assert_string_equal(set.text, "OK");
        assert_true(get.as_wanted);
        assert_int_equal(none.values[0].kind, RESP_NULL);
    }
    redis_server_close(&s);
    free(bytes);
}

static void a_server_that_restarts_is_found_again(void **state)
{
    struct bench *b = *state;
    struct redis_server s;
    struct asked a = {0};
    char url[64];

    redis_server_open(&s, "long-enough-password");
    snprintf(url, sizeof(url), "redis://:long-enough-password@127.0.0.1:%u/2", s.port);
    make_redis(b, url, NULL);
    for (unsigned round = 1; round <= 3; round++) {
        pump_until(b->loop, is_up, b);
        assert_int_equal(b->ups, round);
        ask(b, &a, "SET a b");
        pump_until(b->loop, is_done, &a);
        assert_int_equal(a.rc, OK);
        b->downs = 0;
        redis_server_kill(&s);
        pump_until(b->loop, was_down, b);
        redis_server_start(&s);
    }
    redis_server_close(&s);
}

static void wrong_and_missing_passwords_are_told(void **state)
{
    struct bench *b = *state;
    struct redis_server s;
    char url[64];

    redis_server_open(&s, "long-enough-password");
    make_redis_at(b, s.port, NULL);
    pump_until(b->loop, was_down, b);
    assert_non_null(strstr(redis_why(b->redis), "NOAUTH"));
    redis_free(b->redis);
    snprintf(url, sizeof(url), "redis://:wrong@127.0.0.1:%u/2", s.port);
    make_redis(b, url, NULL);
    pump_until(b->loop, was_down, b);
    assert_non_null(strstr(redis_why(b->redis), "WRONGPASS"));
    redis_server_close(&s);
}

/* Stopped, it keeps its connections and says nothing. */
static void a_server_that_hangs_is_left_and_found_again(void **state)
{
    struct redis_limits limits = redis_limits_usual;
    struct bench *b = *state;
    struct redis_server s;
    struct asked fast = {0}, slow = {0};

    limits.silence_ms = 100;
    limits.connect_ms = 100;
    redis_server_open(&s, NULL);
    make_redis_at(b, s.port, &limits);
    pump_until(b->loop, is_up, b);
    kill(s.pid, SIGSTOP);
    assert_int_equal(ask_until(b, &fast, "GET a", 5), AGAIN);
    ask(b, &slow, "GET a");
    pump_until(b->loop, is_done, &fast);
    assert_int_equal(fast.rc, -ETIMEDOUT);
    pump_until(b->loop, is_done, &slow);
    assert_int_equal(slow.rc, -ECONNRESET);
    assert_non_null(strstr(redis_why(b->redis), "ETIMEDOUT"));
    kill(s.pid, SIGCONT);
    pump_until(b->loop, is_up, b);
    redis_server_close(&s);
}

static void every_allocation_may_fail(void **state)
{
    struct bench *b = *state;
    struct redis_server s;

    redis_server_open(&s, NULL);
    for (unsigned n = 1;; n++) {
        struct asked a = {0};
        char url[64];

        snprintf(url, sizeof(url), "redis://127.0.0.1:%u/1", s.port);
        alloc_fail_at(n);
        int rc = try_redis(b, url, NULL);
        if (rc == OK) {
            pump_until(b->loop, is_up, b); /* a failed attempt is followed by another */
            rc = ask_until(b, &a, "SET key value", 60000);
            assert_true(rc == AGAIN || rc == -ENOMEM);
            if (rc == AGAIN)
                pump_until(b->loop, is_done, &a);
            redis_free(b->redis);
            b->redis = NULL;
        } else {
            assert_int_equal(rc, -ENOMEM);
        }
        if (!alloc_fail_hit()) {
            assert_int_equal(a.rc, OK);
            break;
        }
    }
    alloc_fail_at(0);
    redis_server_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_greeting_says_who_and_where, setup, teardown),
        cmocka_unit_test_setup_teardown(a_password_alone_is_enough, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refused_greeting_is_a_failure_with_its_words, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_password_is_never_told, setup, teardown),
        cmocka_unit_test_setup_teardown(who_does_not_greet_in_time_is_given_up, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_there, setup, teardown),
        cmocka_unit_test_setup_teardown(urls_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(commands_of_a_turn_leave_together, setup, teardown),
        cmocka_unit_test_setup_teardown(replies_cut_at_every_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(a_late_reply_is_thrown_away, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cancelled_command_is_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(the_line_is_limited, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_sent_is_limited, setup, teardown),
        cmocka_unit_test_setup_teardown(a_command_larger_than_the_limit_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_server_that_speaks_nonsense_is_left, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reset_ends_what_is_under_way, setup, teardown),
        cmocka_unit_test_setup_teardown(done_may_ask_again, setup, teardown),
        cmocka_unit_test_setup_teardown(values_of_a_megabyte, setup, teardown),
        cmocka_unit_test_setup_teardown(a_server_that_restarts_is_found_again, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_and_missing_passwords_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_server_that_hangs_is_left_and_found_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(every_allocation_may_fail, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
