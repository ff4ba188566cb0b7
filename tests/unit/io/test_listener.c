/* test_listener.c: addresses, accepting, running out of descriptors. */

#include "io/listener.h"

#include "support/pump.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

struct door {
    struct loop *loop;
    struct listener *listener;
    int fds[64];
    size_t len;
    size_t until; /* wanted */
};

static int setup(void **state)
{
    struct door *d = calloc(1, sizeof(*d));

    d->loop = loop_new();
    *state = d;
    return 0;
}

static int teardown(void **state)
{
    struct door *d = *state;

    listener_close(d->listener);
    for (size_t i = 0; i < d->len; i++)
        close(d->fds[i]);
    loop_free(d->loop);
    free(d);
    return 0;
}

static void door_on_accept(void *owner, int fd)
{
    struct door *d = owner;

    d->fds[d->len++] = fd;
}

static int door_open(struct door *d, struct slice address, bool reuse_port, struct listener **ret)
{
    const struct listener_options options = {.address = address, .reuse_port = reuse_port};

    return listener_open(d->loop, &options, door_on_accept, d, ret);
}

static bool enough(void *arg)
{
    const struct door *d = arg;

    return d->len >= d->until;
}

static int knock(uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons(port),
    };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

static void test_accepted_sockets_are_ready_for_use(void **state)
{
    struct door *d = *state;
    int nodelay = 0;
    socklen_t len = sizeof(nodelay);

    assert_int_equal(door_open(d, SLICE("127.0.0.1:0"), false, &d->listener), OK);
    int fd = knock(listener_port(d->listener));
    d->until = 1;
    pump_until(d->loop, enough, d);
    assert_true(fcntl(d->fds[0], F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(d->fds[0], F_GETFD) & FD_CLOEXEC);
    assert_int_equal(getsockopt(d->fds[0], IPPROTO_TCP, TCP_NODELAY, &nodelay, &len), 0);
    assert_true(nodelay);
    close(fd);
}

static void test_all_addresses(void **state)
{
    struct door *d = *state;

    assert_int_equal(door_open(d, SLICE(":0"), false, &d->listener), OK);
    assert_int_not_equal(listener_port(d->listener), 0);
    int fd = knock(listener_port(d->listener));
    d->until = 1;
    pump_until(d->loop, enough, d);
    close(fd);
}

static void test_bad_addresses(void **state)
{
    static const char *const bad[] = {
        "",     "127.0.0.1", "127.0.0.1:",  "127.0.0.1:65536", "nowhere:80",    "::1:80",
        "[::1", "[::1]80",   "[1.2.3.4]:1", "[]:80x",          "127.0.0.1:80 ", "1.2.3:80"};
    struct door *d = *state;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(door_open(d, slice_str(bad[i]), false, &d->listener), -EINVAL);
}

static void test_an_address_in_use(void **state)
{
    struct door *d = *state;
    struct listener *second;
    char address[32];

    assert_int_equal(door_open(d, SLICE("127.0.0.1:0"), false, &d->listener), OK);
    snprintf(address, sizeof(address), "127.0.0.1:%u", listener_port(d->listener));
    assert_int_equal(door_open(d, slice_str(address), false, &second), -EADDRINUSE);
}

static void test_two_listeners_share_a_port(void **state)
{
    struct door *d = *state;
    struct listener *second;
    char address[32];

    assert_int_equal(door_open(d, SLICE("127.0.0.1:0"), true, &d->listener), OK);
    snprintf(address, sizeof(address), "127.0.0.1:%u", listener_port(d->listener));
    assert_int_equal(door_open(d, slice_str(address), true, &second), OK);
    listener_close(second);
}

static void test_out_of_descriptors_pauses_and_goes_on(void **state)
{
    struct door *d = *state;
    struct rlimit before, tight;

    assert_int_equal(door_open(d, SLICE("127.0.0.1:0"), false, &d->listener), OK);
    int fd = knock(listener_port(d->listener));
    int next = dup(fd);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = before;
    tight.rlim_cur = (rlim_t)next;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    uint64_t start = loop_now_ms(d->loop);
    pump_turns(d->loop, 200);
    assert_int_equal(d->len, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    d->until = 1;
    pump_until(d->loop, enough, d);
    assert_true(loop_now_ms(d->loop) >= start + 90);
    close(fd);
}

static void closing_on_accept(void *owner, int fd)
{
    struct door *d = owner;

    door_on_accept(owner, fd);
    listener_close(d->listener);
    d->listener = NULL;
}

static void test_closing_within_accept(void **state)
{
    struct door *d = *state;
    const struct listener_options options = {.address = SLICE_INIT("127.0.0.1:0")};

    assert_int_equal(listener_open(d->loop, &options, closing_on_accept, d, &d->listener), OK);
    int a = knock(listener_port(d->listener)), b = knock(listener_port(d->listener));
    d->until = 1;
    pump_until(d->loop, enough, d);
    pump_turns(d->loop, 50);
    assert_int_equal(d->len, 1);
    close(a);
    close(b);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_accepted_sockets_are_ready_for_use),
        TEST(test_all_addresses),
        TEST(test_bad_addresses),
        TEST(test_an_address_in_use),
        TEST(test_two_listeners_share_a_port),
        TEST(test_out_of_descriptors_pauses_and_goes_on),
        TEST(test_closing_within_accept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
