/* test_stream.c: plain streams: readiness, the hang-up, connecting. */

#include "io/stream.h"

#include "base/clock.h"

#include "support/alloc_fail.h"
#include "support/pump.h"
#include "support/raw_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct end {
    struct stream *stream;
    unsigned seen; /* all events so far */
    unsigned readable, writable, gone;
    bool closes; /* within its event */
};

struct bench {
    struct loop *loop;
    struct end end;
    struct raw_peer peer;
    int other; /* the other end of a socket pair, or -1 */
};

static void end_on_ready(void *owner, unsigned events)
{
    struct end *e = owner;

    e->seen |= events;
    e->readable += (events & STREAM_READABLE) != 0;
    e->writable += (events & STREAM_WRITABLE) != 0;
    e->gone += (events & STREAM_GONE) != 0;
    if (e->closes) {
        stream_close(e->stream);
        e->stream = NULL;
    }
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));

    b->loop = loop_new();
    b->other = -1;
    raw_peer_open(&b->peer);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    stream_close(b->end.stream);
    raw_peer_close(&b->peer);
    if (b->other >= 0)
        close(b->other);
    loop_free(b->loop);
    free(b);
    return 0;
}

static void pair_up(struct bench *b)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    b->other = fds[1];
    b->end.stream = stream_new_take(b->loop, fds[0], end_on_ready, &b->end);
    assert_non_null(b->end.stream);
    assert_int_equal(stream_fd(b->end.stream), fds[0]);
}

static bool peer_polled(void *arg)
{
    struct bench *b = arg;

    raw_peer_poll(&b->peer);
    return b->peer.len > 0;
}

static bool any_event(void *arg)
{
    return ((struct bench *)arg)->end.seen != 0;
}

static bool is_gone(void *arg)
{
    struct bench *b = arg;

    raw_peer_poll(&b->peer);
    return b->end.gone != 0;
}

static void dial(struct bench *b, uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons(port),
    };
    const struct stream_connect to = {
        .address = (const struct sockaddr *)&a,
        .address_len = sizeof(a),
    };

    assert_int_equal(stream_connect(b->loop, &to, end_on_ready, &b->end, &b->end.stream), OK);
}

/* A TCP connection to the peer's conns[0]. */
static void connect_to_peer(struct bench *b)
{
    dial(b, b->peer.port);
    pump_until(b->loop, peer_polled, b);
    pump_until(b->loop, any_event, b);
    assert_int_equal(stream_connected(b->end.stream), OK);
    b->end.seen = b->end.writable = 0;
    stream_watch(b->end.stream, STREAM_READABLE);
}

static void test_reads_what_comes(void **state)
{
    struct bench *b = *state;
    char at[16];

    pair_up(b);
    assert_int_equal(stream_read(b->end.stream, at, sizeof(at)), -EAGAIN);
    stream_watch(b->end.stream, STREAM_READABLE);
    assert_int_equal(write(b->other, "hello", 5), 5);
    pump_until(b->loop, any_event, b);
    assert_int_equal(b->end.seen, STREAM_READABLE);
    assert_int_equal(stream_read(b->end.stream, at, sizeof(at)), 5);
    assert_memory_equal(at, "hello", 5);
    assert_false(stream_pending(b->end.stream));
}

struct deadline {
    struct timer timer;
    const struct end *end;
    unsigned seen; /* by the end when it fired */
    bool fired;
};

static void deadline_on_fire(struct timer *t)
{
    struct deadline *d = container_of(t, struct deadline, timer);

    d->seen = d->end->seen;
    d->fired = true;
}

static bool deadline_has_fired(void *arg)
{
    return ((struct deadline *)arg)->fired;
}

/* A thread that was held up finds bytes that came in time, and a clock that has run out since. */
static void test_what_has_come_is_told_before_a_clock_fires(void **state)
{
    struct bench *b = *state;
    struct deadline d = {.end = &b->end};

    pair_up(b);
    stream_watch(b->end.stream, STREAM_READABLE);
    pump_turns(b->loop, 2);
    timer_init(&d.timer, b->loop, deadline_on_fire);
    assert_int_equal(timer_set(&d.timer, 1), OK);
    assert_int_equal(write(b->other, "x", 1), 1);
    for (uint64_t now = clock_now_ms(); clock_now_ms() < now + 3;)
        ;
    pump_until(b->loop, deadline_has_fired, &d);
    assert_int_equal(d.seen, STREAM_READABLE);
}

static void test_end_is_zero(void **state)
{
    struct bench *b = *state;
    char at[16];

    pair_up(b);
    stream_watch(b->end.stream, STREAM_READABLE);
    close(b->other);
    b->other = -1;
    pump_until(b->loop, any_event, b);
    assert_int_equal(stream_read(b->end.stream, at, sizeof(at)), 0);
}

static void test_writes_spans_in_one_go(void **state)
{
    struct bench *b = *state;
    const struct slice spans[] = {SLICE_INIT("one "), SLICE_INIT(""), SLICE_INIT("two")};
    char at[16];

    pair_up(b);
    assert_int_equal(stream_writev(b->end.stream, spans, 3), 7);
    assert_int_equal(read(b->other, at, sizeof(at)), 7);
    assert_memory_equal(at, "one two", 7);
}

static void test_a_full_socket_says_when_there_is_room(void **state)
{
    struct bench *b = *state;
    static char block[65536];
    const struct slice span = {block, sizeof(block)};
    ssize_t n;

    pair_up(b);
    do
        n = stream_writev(b->end.stream, &span, 1);
    while (n > 0);
    assert_int_equal(n, -EAGAIN);
    stream_watch(b->end.stream, STREAM_WRITABLE);
    pump_turns(b->loop, 50);
    assert_int_equal(b->end.seen, 0);
    while (read(b->other, block, sizeof(block)) > 0)
        ;
    pump_until(b->loop, any_event, b);
    assert_int_equal(b->end.seen, STREAM_WRITABLE);
}

static void test_paused_reading_is_silent_until_resumed(void **state)
{
    struct bench *b = *state;

    pair_up(b);
    stream_watch(b->end.stream, STREAM_READABLE);
    pump_turns(b->loop, 50);
    stream_watch(b->end.stream, 0);
    assert_int_equal(write(b->other, "x", 1), 1);
    pump_turns(b->loop, 50);
    assert_int_equal(b->end.seen, 0);
    stream_watch(b->end.stream, STREAM_READABLE);
    pump_until(b->loop, any_event, b);
    assert_int_equal(b->end.seen, STREAM_READABLE);
}

static void test_a_hang_up_is_told_once_while_paused(void **state)
{
    struct bench *b = *state;
    char at[16];

    connect_to_peer(b);
    stream_watch(b->end.stream, 0);
    raw_peer_say(&b->peer, 0, "last words");
    raw_peer_hang_up(&b->peer, 0);
    pump_until(b->loop, is_gone, b);
    pump_turns(b->loop, 50);
    assert_int_equal(b->end.gone, 1);
    assert_int_equal(b->end.seen, STREAM_GONE);
    /* what was sent before it is still there */
    stream_watch(b->end.stream, STREAM_READABLE);
    b->end.seen = 0;
    pump_until(b->loop, any_event, b);
    assert_int_equal(stream_read(b->end.stream, at, sizeof(at)), 10);
    assert_int_equal(stream_read(b->end.stream, at, sizeof(at)), 0);
}

static void test_a_hang_up_is_told_when_nothing_was_ever_watched(void **state)
{
    struct bench *b = *state;

    pair_up(b);
    stream_watch(b->end.stream, 0);
    close(b->other);
    b->other = -1;
    pump_until(b->loop, is_gone, b);
}

static void test_a_reset_is_told_while_paused_and_while_reading(void **state)
{
    struct bench *b = *state;
    char at[16];

    connect_to_peer(b);
    stream_watch(b->end.stream, 0);
    raw_peer_reset(&b->peer, 0);
    pump_until(b->loop, is_gone, b);
    pump_turns(b->loop, 50);
    assert_int_equal(b->end.gone, 1);
    b->end.seen = 0;
    stream_watch(b->end.stream, STREAM_READABLE);
    pump_until(b->loop, any_event, b);
    assert_int_equal(stream_read(b->end.stream, at, sizeof(at)), -ECONNRESET);
}

static void test_bytes_before_a_reset_come_in_turns(void **state)
{
    struct bench *b = *state;
    char at[4];

    connect_to_peer(b);
    raw_peer_say(&b->peer, 0, "12345678");
    raw_peer_reset(&b->peer, 0);
    for (unsigned i = 0; i < 2; i++) {
        b->end.seen = 0;
        pump_until(b->loop, any_event, b); /* level-triggered, also behind the error */
        assert_int_equal(stream_read(b->end.stream, at, 4), 4);
    }
    b->end.seen = 0;
    pump_until(b->loop, any_event, b);
    assert_true(stream_read(b->end.stream, at, 4) <= 0);
}

static void test_refused(void **state)
{
    struct bench *b = *state;

    dial(b, raw_peer_dead_port());
    pump_until(b->loop, any_event, b);
    assert_int_equal(stream_connected(b->end.stream), -ECONNREFUSED);
}

static bool peer_saw_end(void *arg)
{
    struct bench *b = arg;

    raw_peer_poll(&b->peer);
    return b->peer.len && b->peer.conns[0].ended;
}

static void test_abort_is_seen_at_once(void **state)
{
    struct bench *b = *state;

    connect_to_peer(b);
    stream_abort(b->end.stream);
    b->end.stream = NULL;
    pump_until(b->loop, peer_saw_end, b);
}

static void test_closing_within_the_event(void **state)
{
    struct bench *b = *state;

    pair_up(b);
    b->end.closes = true;
    stream_watch(b->end.stream, STREAM_READABLE | STREAM_WRITABLE);
    assert_int_equal(write(b->other, "x", 1), 1);
    pump_until(b->loop, any_event, b);
    pump_turns(b->loop, 50);
    assert_int_equal(b->end.readable + b->end.writable, 2); /* one event told of both */
}

static void test_no_event_after_close(void **state)
{
    struct bench *b = *state;

    pair_up(b);
    stream_watch(b->end.stream, STREAM_READABLE);
    assert_int_equal(write(b->other, "x", 1), 1);
    stream_close(b->end.stream);
    b->end.stream = NULL;
    pump_turns(b->loop, 50);
    assert_int_equal(b->end.seen, 0);
}

static void test_without_memory_the_socket_is_closed(void **state)
{
    struct bench *b = *state;
    int fds[2];
    char at;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    b->other = fds[1];
    alloc_fail_at(1);
    assert_null(stream_new_take(b->loop, fds[0], end_on_ready, &b->end));
    assert_true(alloc_fail_hit());
    assert_int_equal(read(b->other, &at, 1), 0); /* its other end is gone */
}

static void test_close_of_nothing(void **state)
{
    (void)state;
    stream_close(NULL);
    stream_abort(NULL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reads_what_comes),
        TEST(test_what_has_come_is_told_before_a_clock_fires),
        TEST(test_end_is_zero),
        TEST(test_writes_spans_in_one_go),
        TEST(test_a_full_socket_says_when_there_is_room),
        TEST(test_paused_reading_is_silent_until_resumed),
        TEST(test_a_hang_up_is_told_once_while_paused),
        TEST(test_a_hang_up_is_told_when_nothing_was_ever_watched),
        TEST(test_a_reset_is_told_while_paused_and_while_reading),
        TEST(test_bytes_before_a_reset_come_in_turns),
        TEST(test_refused),
        TEST(test_abort_is_seen_at_once),
        TEST(test_closing_within_the_event),
        TEST(test_no_event_after_close),
        TEST(test_without_memory_the_socket_is_closed),
        TEST(test_close_of_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
