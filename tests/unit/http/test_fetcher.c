/* test_fetcher.c: questions to a server that is played by a thread. */

#include "http/fetcher.h"

#include "support/alloc_fail.h"
#include "support/raw_peer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Answers each request on each connection with the same text; NULL: with nothing. */
struct played {
    struct raw_peer peer;
    pthread_t thread;
    const char *answer;
    bool hang_up;
    atomic_bool over;
    char last[4096]; /* the request */
    size_t conns;    /* once it has stopped: how many there were */
    struct url url;
    char text[64];
};

static void played_answer(struct played *s, size_t i)
{
    struct raw_conn *c = &s->peer.conns[i];

    if (c->fd < 0 || !strstr(c->bytes ? c->bytes : "", "\r\n\r\n"))
        return;
    snprintf(s->last, sizeof(s->last), "%s", c->bytes);
    raw_peer_forget(&s->peer, i);
    if (s->answer)
        raw_peer_say(&s->peer, i, s->answer);
    if (s->hang_up)
        raw_peer_hang_up(&s->peer, i);
}

static void *played_run(void *arg)
{
    struct played *s = arg;

    while (!atomic_load(&s->over)) {
        poll(NULL, 0, 1);
        raw_peer_poll(&s->peer);
        for (size_t i = 0; i < s->peer.len; i++)
            played_answer(s, i);
    }
    return NULL;
}

static void played_start(struct played *s, const char *answer)
{
    memset(s, 0, sizeof(*s));
    s->answer = answer;
    raw_peer_open(&s->peer);
    snprintf(s->text, sizeof(s->text), "http://127.0.0.1:%u", s->peer.port);
    assert_int_equal(url_parse(slice_str(s->text), &s->url, NULL), OK);
}

static void played_go(struct played *s)
{
    assert_int_equal(pthread_create(&s->thread, NULL, played_run, s), 0);
}

static void played_stop(struct played *s)
{
    atomic_store(&s->over, true);
    pthread_join(s->thread, NULL);
    s->conns = s->peer.len;
    raw_peer_close(&s->peer);
}

static struct fetch question(const struct played *s)
{
    return (struct fetch){
        .url = &s->url,
        .method = SLICE("GET"),
        .target = SLICE("/x?y=1"),
        .silence_ms = 60000,
        .body_most = 1 << 16,
    };
}

static int ask(const struct fetch *q, struct arena *a, struct fetched *ret)
{
    struct fetcher *f;
    int rc = fetcher_new(NULL, &f);

    if (rc < 0)
        return rc;
    rc = fetcher_ask(f, q, a, ret);
    fetcher_free(f);
    return rc;
}

static void an_answer_is_gathered(void **state)
{
    static const struct header headers[] = {
        {SLICE_INIT("authorization"), SLICE_INIT("Bearer k")}
    };
    struct played s;
    struct fetched got;
    struct arena a;

    (void)state;
    played_start(&s, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-tag: t\r\n\r\nhello");
    played_go(&s);
    arena_init(&a, 0);
    struct fetch q = question(&s);
    q.method = SLICE("POST");
    q.headers = headers;
    q.headers_len = 1;
    q.body = SLICE("{}");
    assert_int_equal(ask(&q, &a, &got), OK);
    assert_int_equal(got.status, 200);
    assert_true(slice_eq(got.body, SLICE("hello")));
    assert_true(slice_eq(headers_get(&got.headers, SLICE("X-Tag")), SLICE("t")));
    played_stop(&s);
    assert_non_null(strstr(s.last, "POST /x?y=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(s.last, "authorization: Bearer k\r\n"));
    assert_non_null(strstr(s.last, "content-length: 2\r\n"));
    arena_clear(&a);
}

static void a_connection_is_used_again(void **state)
{
    struct played s;
    struct fetcher *f;
    struct fetched got;
    struct arena a;

    (void)state;
    played_start(&s, "HTTP/1.1 204 No Content\r\n\r\n");
    played_go(&s);
    arena_init(&a, 0);
    struct fetch q = question(&s);
    assert_int_equal(fetcher_new(NULL, &f), OK);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(fetcher_ask(f, &q, &a, &got), OK);
        assert_int_equal(got.status, 204);
    }
    fetcher_free(f);
    played_stop(&s);
    assert_int_equal(s.conns, 1);
    arena_clear(&a);
}

static int take(void *arg, struct slice bytes)
{
    size_t *most = arg;

    if (bytes.len > *most)
        return -EFBIG;
    *most -= bytes.len;
    return OK;
}

static void a_body_may_be_handed_on(void **state)
{
    struct played s;
    struct fetched got;
    struct arena a;
    size_t room = 6;

    (void)state;
    played_start(&s, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
                     "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
    played_go(&s);
    arena_init(&a, 0);
    struct fetch q = question(&s);
    q.take = take;
    q.arg = &room;
    assert_int_equal(ask(&q, &a, &got), OK);
    assert_int_equal(room, 0);
    assert_int_equal(got.body.len, 0);
    assert_int_equal(ask(&q, &a, &got), -EFBIG);
    played_stop(&s);
    arena_clear(&a);
}

static void what_goes_wrong_is_told(void **state)
{
    struct played s;
    struct fetched got;
    struct arena a;

    (void)state;
    arena_init(&a, 0);
    played_start(&s, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel");
    s.hang_up = true;
    played_go(&s);
    struct fetch q = question(&s);
    assert_int_equal(ask(&q, &a, &got), -ECONNRESET);
    played_stop(&s);

    played_start(&s, "HTTP/1.1 500 No\r\ncontent-length: 5\r\n\r\nhello");
    played_go(&s);
    q = question(&s);
    q.body_most = 4;
    assert_int_equal(ask(&q, &a, &got), -EMSGSIZE);
    played_stop(&s);

    played_start(&s, NULL);
    played_go(&s);
    q = question(&s);
    q.silence_ms = 20;
    assert_int_equal(ask(&q, &a, &got), -ETIMEDOUT);
    played_stop(&s);

    snprintf(s.text, sizeof(s.text), "http://127.0.0.1:%u", raw_peer_dead_port());
    assert_int_equal(url_parse(slice_str(s.text), &s.url, NULL), OK);
    q = question(&s);
    assert_int_equal(ask(&q, &a, &got), -ECONNREFUSED);
    assert_int_equal(fetcher_new("/nonexistent.pem", &(struct fetcher *){NULL}), -EINVAL);
    arena_clear(&a);
}

static void each_allocation_may_fail(void **state)
{
    struct played s;
    struct fetched got;
    struct arena a;

    (void)state;
    /* wrapped are the allocations of all threads: the server answers without any */
    played_start(&s, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    struct fetch q = question(&s);
    raw_peer_stop(&s.peer);
    for (unsigned n = 1;; n++) {
        arena_init(&a, 0);
        alloc_fail_at(n);
        int rc = ask(&q, &a, &got);
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        arena_clear(&a);
        assert_true(rc < 0);
        if (!hit) {
            assert_int_equal(rc, -ECONNREFUSED);
            break;
        }
    }
    raw_peer_close(&s.peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_gathered),    cmocka_unit_test(a_connection_is_used_again),
        cmocka_unit_test(a_body_may_be_handed_on),  cmocka_unit_test(what_goes_wrong_is_told),
        cmocka_unit_test(each_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
