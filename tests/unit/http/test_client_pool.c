/* test_client_pool.c: leases, limits, the waiting line, names, and connections that fail. */

#include "http/client.h"

#include "http/client_pool.h"
#include "io/tls.h"
#include "support/client_rig.h"
#include "support/tls_peer.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

static struct client_limits narrow(size_t per_origin, size_t waiting)
{
    struct client_limits limits = rig_options().limits;

    limits.per_origin = per_origin;
    limits.waiting = waiting;
    return limits;
}

static void answer(struct rig *r, size_t conn, struct rig_call *c)
{
    rig_await_request(r, conn, 1);
    raw_peer_forget(&r->peer, conn);
    raw_peer_say(&r->peer, conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    rig_await_end(c);
    assert_int_equal(c->rc, OK);
}

static void test_calls_wait_in_line_and_are_served_in_order(void **state)
{
    struct rig *r = *state;
    struct rig_call *calls[3], *more;

    rig_limit(r, narrow(1, 2));
    for (size_t i = 0; i < 3; i++)
        calls[i] = rig_get(r);
    more = rig_call(r, NULL);
    assert_int_equal(client_start(r->client, &more->call, &more->request), -EBUSY);
    client_cancel(&more->call);
    for (size_t i = 0; i < 3; i++) {
        answer(r, 0, calls[i]);
        assert_int_equal(calls[i]->reused, i > 0);
        for (size_t k = i + 1; k < 3; k++)
            assert_int_equal(calls[k]->ends, 0);
    }
    assert_int_equal(r->peer.len, 1);
    assert_int_equal(client_open(r->client), 1);
    for (size_t i = 0; i < 3; i++)
        free(calls[i]);
    free(more);
}

static void test_cancelling_in_line_gives_the_place_back(void **state)
{
    struct rig *r = *state;

    rig_limit(r, narrow(1, 1));
    struct rig_call *first = rig_get(r), *second = rig_get(r), *third = rig_call(r, NULL);
    assert_int_equal(client_start(r->client, &third->call, &third->request), -EBUSY);
    client_cancel(&second->call);
    rig_start(third);
    answer(r, 0, first);
    answer(r, 0, third);
    assert_int_equal(second->ends, 0);
    free(first);
    free(second);
    free(third);
}

/* Who holds the only connection gives it up: the next in line gets a new one. */
static void test_the_line_moves_when_a_connection_closes(void **state)
{
    struct rig *r = *state;

    rig_limit(r, narrow(1, 4));
    struct rig_call *first = rig_get(r), *second = rig_get(r), *third = rig_get(r);
    rig_await_request(r, 0, 1);
    client_cancel(&first->call);
    rig_await_request(r, 1, 1);
    raw_peer_say(&r->peer, 1, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    rig_await_end(second);
    answer(r, 2, third);
    assert_int_equal(client_open(r->client), 1);
    free(first);
    free(second);
    free(third);
}

static void test_the_line_ends_with_what_is_wrong(void **state)
{
    struct rig *r = *state;
    struct rig_call *calls[3];

    rig_limit(r, narrow(1, 4));
    rig_origin(r, "http", "127.0.0.1", raw_peer_dead_port());
    for (size_t i = 0; i < 3; i++)
        calls[i] = rig_get(r);
    for (size_t i = 0; i < 3; i++) {
        rig_await_end(calls[i]);
        assert_int_equal(calls[i]->rc, -ECONNREFUSED);
        assert_int_equal(calls[i]->phase, CLIENT_CONNECTING);
        free(calls[i]);
    }
    assert_int_equal(client_open(r->client), 0);
}

static void test_no_more_idle_connections_than_allowed(void **state)
{
    struct rig *r = *state;
    struct client_limits limits = rig_options().limits;
    struct rig_call *calls[5];

    limits.idle_per_origin = 2;
    rig_limit(r, limits);
    for (size_t i = 0; i < 5; i++)
        calls[i] = rig_get(r);
    for (size_t i = 0; i < 5; i++)
        answer(r, i, calls[i]);
    assert_int_equal(client_open(r->client), 2);
    assert_int_equal(client_idle(r->client), 2);
    for (size_t i = 0; i < 5; i++)
        free(calls[i]);
}

static void test_idle_connections_are_closed_in_time(void **state)
{
    struct rig *r = *state;
    struct client_limits limits = rig_options().limits;

    limits.idle_ms = 30;
    rig_limit(r, limits);
    rig_exchange(r, 0);
    rig_await_close(r, 0);
    assert_int_equal(client_open(r->client), 0);
}

static void test_refused(void **state)
{
    struct rig *r = *state;

    rig_origin(r, "http", "127.0.0.1", raw_peer_dead_port());
    struct rig_call *c = rig_get(r);
    rig_await_end(c);
    assert_int_equal(c->rc, -ECONNREFUSED);
    assert_int_equal(c->phase, CLIENT_CONNECTING);
    assert_int_equal(c->sent, 0);
    free(c);
}

/* Most systems have ::1 for localhost too; the peer listens on 127.0.0.1 only. */
static void test_a_name_with_several_addresses(void **state)
{
    struct rig *r = *state;

    rig_origin(r, "http", "localhost", r->peer.port);
    for (size_t i = 0; i < 4; i++) {
        struct rig_call *c = rig_get(r);
        rig_await_request(r, i, 1);
        raw_peer_say(&r->peer, i, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
        rig_await_end(c);
        assert_int_equal(c->rc, OK);
        free(c);
    }
}

/* As if the name had these ports of 127.0.0.1 for addresses. */
static struct client_origin *pretend_addresses(struct rig *r, const uint16_t *ports, size_t n)
{
    struct client_origin *o = client_origin_get(r->client, &r->origin);

    for (size_t i = 0; i < n; i++) {
        o->addresses[i].v4 = (struct sockaddr_in){
            .sin_family = AF_INET,
            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
            .sin_port = htons(ports[i]),
        };
    }
    o->addresses_len = n;
    o->expires_ms = UINT64_MAX;
    return o;
}

static void test_the_next_address_when_one_refuses(void **state)
{
    struct rig *r = *state;
    const uint16_t ports[] = {raw_peer_dead_port(), raw_peer_dead_port(), r->peer.port};

    pretend_addresses(r, ports, 3);
    for (size_t i = 0; i < 3; i++) { /* whichever of them is tried first */
        struct rig_call *c = rig_get(r);
        rig_await_request(r, i, 1);
        assert_int_equal(c->ends, 0);
        client_cancel(&c->call);
        free(c);
    }
}

static void test_all_addresses_refuse_and_are_asked_for_anew(void **state)
{
    struct rig *r = *state;
    const uint16_t ports[] = {raw_peer_dead_port(), raw_peer_dead_port()};

    struct client_origin *o = pretend_addresses(r, ports, 2);
    struct rig_call *c = rig_get(r);
    rig_await_end(c);
    assert_int_equal(c->rc, -ECONNREFUSED);
    assert_int_equal(o->expires_ms, 0);
    free(c);
    rig_exchange(r, 0); /* the true address now */
}

struct two_peers {
    struct raw_peer *one, *other;
};

static bool both_have_two(void *arg)
{
    struct two_peers *p = arg;

    raw_peer_poll(p->one);
    raw_peer_poll(p->other);
    return p->one->len == 2 && p->other->len == 2;
}

static void test_connections_take_the_addresses_in_turn(void **state)
{
    struct rig *r = *state;
    struct raw_peer other;
    struct rig_call *calls[4];

    raw_peer_open(&other);
    const uint16_t ports[] = {r->peer.port, other.port};
    pretend_addresses(r, ports, 2);
    for (size_t i = 0; i < 4; i++)
        calls[i] = rig_get(r);
    pump_until(r->loop, both_have_two, &(struct two_peers){&r->peer, &other});
    for (size_t i = 0; i < 4; i++) {
        client_cancel(&calls[i]->call);
        free(calls[i]);
    }
    raw_peer_close(&other);
}

static void test_old_addresses_serve_while_the_name_is_unknown(void **state)
{
    struct rig *r = *state;

    rig_origin(r, "http", "no.such.host.invalid", 80);
    pretend_addresses(r, &r->peer.port, 1)->expires_ms = 0;
    rig_exchange(r, 0);
}

static void test_a_name_that_does_not_exist(void **state)
{
    struct rig *r = *state;

    rig_origin(r, "http", "no.such.host.invalid", 80);
    struct rig_call *first = rig_get(r), *second = rig_get(r);
    rig_await_end(first);
    rig_await_end(second);
    assert_int_equal(first->rc, -EHOSTUNREACH);
    assert_int_equal(second->rc, -EHOSTUNREACH);
    assert_int_equal(client_open(r->client), 0);
    free(first);
    free(second);
}

static void test_cancelling_while_resolving_and_connecting(void **state)
{
    struct rig *r = *state;

    rig_origin(r, "http", "localhost", r->peer.port);
    for (unsigned turns = 0; turns < 12; turns++) {
        struct rig_call *c = rig_get(r);
        if (turns)
            pump_turns(r->loop, turns);
        client_cancel(&c->call);
        assert_int_equal(client_open(r->client), 0);
        pump_turns(r->loop, 5);
        assert_int_equal(c->ends, 0);
        free(c);
    }
}

static void test_freeing_the_client_while_resolving(void **state)
{
    struct rig *r = *state;

    rig_origin(r, "http", "localhost", r->peer.port);
    struct rig_call *c = rig_get(r);
    pump_turns(r->loop, 1);
    client_free(r->client);
    r->client = NULL;
    pump_turns(r->loop, 50);
    assert_int_equal(c->ends, 0);
    free(c);
}

/* Leased again, but nothing sent yet: the connection is as good as before. */
static void test_cancelling_before_anything_was_sent_keeps_the_connection(void **state)
{
    struct rig *r = *state;

    rig_exchange(r, 0);
    struct rig_call *c = rig_get(r);
    assert_int_equal(client_idle(r->client), 0);
    client_cancel(&c->call);
    assert_int_equal(client_idle(r->client), 1);
    free(c);
    rig_exchange(r, 0);
}

/* A listener whose line is full does not answer: the kernel drops what comes. */
struct full_listener {
    int listen_fd, fds[8];
    uint16_t port;
};

static void full_listener_open(struct full_listener *f)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);

    f->listen_fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(f->listen_fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(f->listen_fd, 0), 0);
    assert_int_equal(getsockname(f->listen_fd, (struct sockaddr *)&a, &len), 0);
    f->port = ntohs(a.sin_port);
    for (size_t i = 0; i < ARRAY_LEN(f->fds); i++) {
        f->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(f->fds[i], (struct sockaddr *)&a, sizeof(a));
    }
}

static void full_listener_close(struct full_listener *f)
{
    for (size_t i = 0; i < ARRAY_LEN(f->fds); i++)
        close(f->fds[i]);
    close(f->listen_fd);
}

static void test_connecting_takes_no_longer_than_allowed(void **state)
{
    struct rig *r = *state;
    struct client_limits limits = rig_options().limits;
    struct full_listener full;

    full_listener_open(&full);
    limits.connect_ms = 50;
    rig_limit(r, limits);
    rig_origin(r, "http", "127.0.0.1", full.port);
    struct rig_call *c = rig_get(r);
    rig_await_end(c);
    assert_int_equal(c->rc, -ETIMEDOUT);
    assert_int_equal(c->phase, CLIENT_CONNECTING);
    free(c);
    rig_limit(r, rig_options().limits);
    c = rig_get(r); /* and given up while it connects */
    pump_turns(r->loop, 20);
    client_cancel(&c->call);
    assert_int_equal(client_open(r->client), 0);
    free(c);
    full_listener_close(&full);
}

static void test_many_origins_do_not_pile_up(void **state)
{
    struct rig *r = *state;

    for (unsigned i = 0; i < 600; i++) {
        rig_origin(r, "http", "127.0.0.1", (uint16_t)(1000 + i));
        struct rig_call *c = rig_get(r);
        client_cancel(&c->call);
        free(c);
    }
    assert_int_equal(client_open(r->client), 0);
}

/* ---- over TLS ---- */

struct tls_rig {
    struct rig rig;
    struct tls_peer_server *server;
    struct tls_client *tls;
};

/* Two answers on one connection, the second unframed; how it ends is the first request's path. */
static void serve_http(struct tls_peer_server *s)
{
    static const char framed[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    static const char unframed[] = "HTTP/1.1 200 OK\r\n\r\nthe rest";
    char at[4096] = {0};

    while (tls_peer_read(s, at, sizeof(at) - 1)) {
        if (strncmp(at, "GET /framed", 11) == 0) {
            tls_peer_write(s, framed, sizeof(framed) - 1);
            continue;
        }
        tls_peer_write(s, unframed, sizeof(unframed) - 1);
        if (strncmp(at, "GET /notify", 11) == 0)
            tls_peer_notify(s);
        return;
    }
}

static int tls_setup(void **state)
{
    struct tls_rig *t = calloc(1, sizeof(*t));

    t->server = tls_peer_start(serve_http);
    assert_int_equal(tls_client_new(tls_peer_ca_file(t->server), &t->tls), OK);
    struct client_options options = rig_options();
    options.tls = t->tls;
    rig_open(&t->rig, &options);
    rig_origin(&t->rig, "https", "localhost", tls_peer_port(t->server));
    *state = t;
    return 0;
}

static int tls_teardown(void **state)
{
    struct tls_rig *t = *state;

    client_free(t->rig.client);
    loop_free(t->rig.loop);
    raw_peer_close(&t->rig.peer);
    tls_peer_stop(t->server);
    tls_client_free(t->tls);
    free(t);
    return 0;
}

static struct rig_call *tls_get(struct tls_rig *t, const char *target)
{
    struct rig_call *c = rig_call(&t->rig, NULL);

    c->request.target = slice_str(target);
    rig_start(c);
    rig_await_end(c);
    return c;
}

static void test_tls_connections_are_used_again(void **state)
{
    struct tls_rig *t = *state;

    for (unsigned i = 0; i < 3; i++) {
        struct rig_call *c = tls_get(t, "/framed");
        assert_int_equal(c->rc, OK);
        assert_string_equal(c->body, "ok");
        assert_int_equal(c->reused, i > 0);
        free(c);
    }
    assert_int_equal(tls_peer_full(t->server), 1);
    assert_int_equal(client_open(t->rig.client), 1);
}

static void test_tls_unframed_is_whole_only_with_close_notify(void **state)
{
    struct tls_rig *t = *state;

    struct rig_call *c = tls_get(t, "/notify");
    assert_int_equal(c->rc, OK);
    assert_true(c->unframed);
    assert_string_equal(c->body, "the rest");
    free(c);
    c = tls_get(t, "/cut");
    assert_int_equal(c->rc, -ECONNRESET);
    assert_string_equal(c->body, "the rest");
    free(c);
    assert_int_equal(tls_peer_resumed(t->server), 1); /* the second connection */
}

static void test_tls_for_another_host(void **state)
{
    struct tls_rig *t = *state;

    rig_origin(&t->rig, "https", "127.0.0.2", tls_peer_port(t->server));
    struct rig_call *c = rig_call(&t->rig, NULL);
    rig_start(c);
    rig_await_end(c);
    /* the server listens on 127.0.0.1 only; Linux routes all of 127/8 to itself */
    assert_true(c->rc == -EKEYREJECTED || c->rc == -ECONNREFUSED);
    free(c);
}

static void test_tls_against_a_plain_server(void **state)
{
    struct tls_rig *t = *state;

    rig_origin(&t->rig, "https", "127.0.0.1", t->rig.peer.port);
    struct rig_call *c = rig_call(&t->rig, NULL);
    rig_start(c);
    rig_await_conns(&t->rig, 1);
    raw_peer_say(&t->rig.peer, 0, "HTTP/1.1 400 Bad Request\r\n\r\n");
    rig_await_end(c);
    assert_int_equal(c->rc, -EPROTO);
    assert_int_equal(c->phase, CLIENT_CONNECTING);
    free(c);
}

static void test_tls_cancelled_in_the_handshake(void **state)
{
    struct tls_rig *t = *state;

    rig_origin(&t->rig, "https", "127.0.0.1", t->rig.peer.port); /* says nothing */
    struct rig_call *c = rig_call(&t->rig, NULL);
    rig_start(c);
    rig_await_conns(&t->rig, 1);
    pump_turns(t->rig.loop, 20);
    client_cancel(&c->call);
    assert_int_equal(client_open(t->rig.client), 0);
    rig_await_close(&t->rig, 0);
    free(c);
}

#define TEST(fn)     cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)
#define TLS_TEST(fn) cmocka_unit_test_setup_teardown(fn, tls_setup, tls_teardown)

int main(void)
{
    /* a name that does not exist is known soon, whatever the network around is like */
    setenv("RES_OPTIONS", "timeout:1 attempts:1", 1);
    setenv("LOCALDOMAIN", "", 1);
    const struct CMUnitTest tests[] = {
        TEST(test_calls_wait_in_line_and_are_served_in_order),
        TEST(test_cancelling_in_line_gives_the_place_back),
        TEST(test_the_line_moves_when_a_connection_closes),
        TEST(test_the_line_ends_with_what_is_wrong),
        TEST(test_no_more_idle_connections_than_allowed),
        TEST(test_idle_connections_are_closed_in_time),
        TEST(test_refused),
        TEST(test_a_name_with_several_addresses),
        TEST(test_the_next_address_when_one_refuses),
        TEST(test_all_addresses_refuse_and_are_asked_for_anew),
        TEST(test_connections_take_the_addresses_in_turn),
        TEST(test_old_addresses_serve_while_the_name_is_unknown),
        TEST(test_a_name_that_does_not_exist),
        TEST(test_cancelling_while_resolving_and_connecting),
        TEST(test_freeing_the_client_while_resolving),
        TEST(test_cancelling_before_anything_was_sent_keeps_the_connection),
        TEST(test_connecting_takes_no_longer_than_allowed),
        TEST(test_many_origins_do_not_pile_up),
        TLS_TEST(test_tls_connections_are_used_again),
        TLS_TEST(test_tls_unframed_is_whole_only_with_close_notify),
        TLS_TEST(test_tls_for_another_host),
        TLS_TEST(test_tls_against_a_plain_server),
        TLS_TEST(test_tls_cancelled_in_the_handshake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
