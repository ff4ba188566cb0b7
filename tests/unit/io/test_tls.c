/* test_tls.c: TLS streams against a server of OpenSSL's on another thread. */

#include "io/stream.h"
#include "io/tls.h"

#include "support/pump.h"
#include "support/tls_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

enum { BULK = 1 << 20 };

struct bench {
    struct loop *loop;
    struct tls_peer_server *server;
    struct tls_client *tls;
    struct stream *stream;
    int connected; /* AGAIN until it is known */
    char *got;
    size_t got_len;
    ssize_t end; /* what the last read returned */
    bool ended;
    size_t sent;
    struct slice spans[64];
};

static void bench_on_ready(void *owner, unsigned events)
{
    struct bench *b = owner;
    (void)events;

    if (b->connected == AGAIN) {
        b->connected = stream_connected(b->stream);
        if (b->connected == OK)
            stream_watch(b->stream, STREAM_READABLE);
        return;
    }
    do {
        b->end = stream_read(b->stream, b->got + b->got_len, 2 * BULK - b->got_len);
        if (b->end > 0)
            b->got_len += (size_t)b->end;
    } while (b->end > 0 && stream_pending(b->stream));
    b->ended = b->end <= 0 && b->end != -EAGAIN;
    if (b->ended)
        stream_watch(b->stream, 0);
}

static void start(struct bench *b, tls_peer_serve_fn serve)
{
    b->server = tls_peer_start(serve);
    assert_int_equal(tls_client_new(tls_peer_ca_file(b->server), &b->tls), OK);
}

static bool handshake_ended(void *arg)
{
    return ((struct bench *)arg)->connected != AGAIN;
}

static int dial(struct bench *b, const char *host)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons(tls_peer_port(b->server)),
    };
    const struct stream_connect to = {
        .address = (const struct sockaddr *)&a,
        .address_len = sizeof(a),
        .tls = b->tls,
        .host = host,
        .port = tls_peer_port(b->server),
    };

    b->connected = AGAIN;
    b->got_len = 0;
    b->ended = false;
    assert_int_equal(stream_connect(b->loop, &to, bench_on_ready, b, &b->stream), OK);
    pump_until(b->loop, handshake_ended, b);
    return b->connected;
}

static void hang_up(struct bench *b)
{
    stream_close(b->stream);
    b->stream = NULL;
}

static bool has_ended(void *arg)
{
    return ((struct bench *)arg)->ended;
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));

    b->loop = loop_new();
    b->got = malloc(2 * BULK);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    stream_close(b->stream);
    loop_free(b->loop);
    if (b->server)
        tls_peer_stop(b->server);
    tls_client_free(b->tls);
    free(b->got);
    free(b);
    return 0;
}

static void serve_greeting(struct tls_peer_server *s)
{
    char at[16];

    tls_peer_write(s, "hello", 5);
    tls_peer_notify(s);
    tls_peer_read(s, at, sizeof(at)); /* until the client has closed */
}

static void serve_cut(struct tls_peer_server *s)
{
    tls_peer_write(s, "hello", 5);
}

static void serve_garbled(struct tls_peer_server *s)
{
    char at[16];

    tls_peer_write(s, "hello", 5);
    tls_peer_garble(s);
    tls_peer_read(s, at, sizeof(at));
}

static void serve_echo(struct tls_peer_server *s)
{
    static char all[BULK];
    size_t len = 0;

    while (len < BULK) {
        size_t n = tls_peer_read(s, all + len, BULK - len);
        if (n == 0)
            return;
        len += n;
    }
    tls_peer_write(s, all, BULK);
    tls_peer_notify(s);
    tls_peer_read(s, all, 1);
}

static void test_verified_by_name(void **state)
{
    struct bench *b = *state;

    start(b, serve_greeting);
    assert_int_equal(dial(b, "localhost"), OK);
    pump_until(b->loop, has_ended, b);
    assert_int_equal(b->end, 0);
    assert_int_equal(b->got_len, 5);
    assert_memory_equal(b->got, "hello", 5);
    assert_string_equal(tls_peer_name_asked(b->server), "localhost");
}

static void test_verified_by_address_without_a_name(void **state)
{
    struct bench *b = *state;

    start(b, serve_greeting);
    assert_int_equal(dial(b, "127.0.0.1"), OK);
    pump_until(b->loop, has_ended, b);
    assert_int_equal(b->end, 0);
    assert_string_equal(tls_peer_name_asked(b->server), "");
}

static void test_another_host(void **state)
{
    struct bench *b = *state;

    start(b, serve_greeting);
    assert_int_equal(dial(b, "example.org"), -EKEYREJECTED);
    hang_up(b);
    assert_int_equal(dial(b, "127.0.0.2"), -EKEYREJECTED);
}

static void test_unknown_ca(void **state)
{
    struct bench *b = *state;

    b->server = tls_peer_start(serve_greeting);
    assert_int_equal(tls_client_new(NULL, &b->tls), OK);
    assert_int_equal(dial(b, "localhost"), -EKEYREJECTED);
}

static void test_ca_file_without_certificate(void **state)
{
    struct bench *b = *state;

    assert_int_equal(tls_client_new("/dev/null", &b->tls), -EINVAL);
    assert_int_equal(tls_client_new("/nowhere/ca.pem", &b->tls), -EINVAL);
    assert_null(b->tls);
}

static void test_sessions_are_resumed(void **state)
{
    struct bench *b = *state;

    start(b, serve_greeting);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(dial(b, "localhost"), OK);
        pump_until(b->loop, has_ended, b);
        assert_int_equal(b->got_len, 5);
        hang_up(b);
    }
    assert_int_equal(tls_peer_full(b->server), 1);
    assert_int_equal(tls_peer_resumed(b->server), 3);
    /* another name is another peer: no session of localhost's is offered */
    assert_int_equal(dial(b, "127.0.0.1"), OK);
    pump_until(b->loop, has_ended, b); /* the server has counted it by then */
    assert_int_equal(tls_peer_full(b->server), 2);
}

static void test_a_cut_is_no_end(void **state)
{
    struct bench *b = *state;

    start(b, serve_cut);
    assert_int_equal(dial(b, "localhost"), OK);
    pump_until(b->loop, has_ended, b);
    assert_int_equal(b->got_len, 5); /* what came before it counts */
    assert_int_equal(b->end, -ECONNRESET);
    assert_int_equal(stream_read(b->stream, b->got, 1), -ECONNRESET);
}

static void test_a_cut_ends_no_session(void **state)
{
    struct bench *b = *state;

    start(b, serve_cut);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(dial(b, "localhost"), OK);
        pump_until(b->loop, has_ended, b);
        hang_up(b);
    }
    assert_int_equal(tls_peer_full(b->server), 1);
    assert_int_equal(tls_peer_resumed(b->server), 2);
}

static void test_a_fault_ends_the_session(void **state)
{
    struct bench *b = *state;

    start(b, serve_garbled);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(dial(b, "localhost"), OK);
        pump_until(b->loop, has_ended, b);
        assert_int_equal(b->end, -EPROTO);
        hang_up(b);
    }
    assert_int_equal(tls_peer_full(b->server), 3);
}

/* Spans of many sizes, some beyond a record, from the byte at b->sent on. */
static size_t bulk_spans(struct bench *b, char *bulk)
{
    static const size_t sizes[] = {1, 7, 300, 16384, 20000, 3, 100, 65536, 5};
    size_t at = b->sent, n = 0;

    while (at < BULK && n < 64) {
        size_t len = MIN(sizes[n % ARRAY_LEN(sizes)], BULK - at);
        b->spans[n++] = slice_of(bulk + at, len);
        at += len;
    }
    return n;
}

static bool bulk_sent(void *arg)
{
    struct bench *b = arg;

    if (b->sent < BULK) {
        size_t n = bulk_spans(b, b->got + BULK);
        ssize_t put = stream_writev(b->stream, b->spans, n);
        assert_true(put > 0 || put == -EAGAIN);
        b->sent += put > 0 ? (size_t)put : 0;
    }
    return b->sent == BULK;
}

static void test_a_megabyte_there_and_back(void **state)
{
    struct bench *b = *state;

    start(b, serve_echo);
    for (size_t i = 0; i < BULK; i++)
        b->got[BULK + i] = (char)(i * 2654435761u >> 13);
    assert_int_equal(dial(b, "localhost"), OK);
    pump_until(b->loop, bulk_sent, b);
    pump_until(b->loop, has_ended, b);
    assert_int_equal(b->end, 0);
    assert_int_equal(b->got_len, BULK);
    assert_memory_equal(b->got, b->got + BULK, BULK);
}

static void test_closing_in_the_middle_of_the_handshake(void **state)
{
    struct bench *b = *state;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    start(b, serve_greeting);
    a.sin_port = htons(tls_peer_port(b->server));
    const struct stream_connect to = {
        .address = (const struct sockaddr *)&a,
        .address_len = sizeof(a),
        .tls = b->tls,
        .host = "localhost",
        .port = tls_peer_port(b->server),
    };
    b->connected = AGAIN;
    assert_int_equal(stream_connect(b->loop, &to, bench_on_ready, b, &b->stream), OK);
    pump_turns(b->loop, 1);
    hang_up(b);
    assert_int_equal(dial(b, "localhost"), OK);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_verified_by_name),
        TEST(test_verified_by_address_without_a_name),
        TEST(test_another_host),
        TEST(test_unknown_ca),
        TEST(test_ca_file_without_certificate),
        TEST(test_sessions_are_resumed),
        TEST(test_a_cut_is_no_end),
        TEST(test_a_cut_ends_no_session),
        TEST(test_a_fault_ends_the_session),
        TEST(test_a_megabyte_there_and_back),
        TEST(test_closing_in_the_middle_of_the_handshake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
