/* The road of a request with a real server and real sockets; only the completion is played, by the
 * model's name: "buffered", "stream", "cut" (a stream that breaks), "down" and "silent". The server
 * runs in a thread of its own, the test is its blocking client. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "support/gateway_rig.h"
#include "base/log.h"
#include "controller/routes.h"
#include "io/loop.h"
#include "io/mailbox.h"
#include "middleware/access_log.h"
#include "middleware/auth.h"
#include "middleware/rate_limit.h"
#include "middleware/record.h"
#include "middleware/trace.h"
#include "service/completion.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <time.h>

/* --- the played completion, on the server's thread --- */

struct completion {
    struct completion_ask ask;
    struct turn_end later;
    bool over;
};

static struct loop *loop;
static sem_t cancelled;

static void answer_buffered(struct sink *s)
{
    static const struct slice body = SLICE_INIT("{\"ok\": 1.0}");

    const struct sink_head head = {
        .status = 200,
        .content_length = body.len,
        .content_type = SLICE("application/json"),
    };
    s->events->on_head(s, &head);
    s->events->on_bytes(s, &body, 1, true);
}

static void answer_stream(struct sink *s, bool cut)
{
    struct slice hello = SLICE("data: {\"hello\":1}\n\n"), done = SLICE("data: [DONE]\n\n");

    s->events->on_head(s, &(struct sink_head){.status = 200, .stream = true});
    s->events->on_bytes(s, &hello, 1, false);
    if (cut)
        s->events->on_fault(s, &(struct fault){.kind = FAULT_UPSTREAM_RESET});
    else
        s->events->on_bytes(s, &done, 1, true);
}

static void completion_run(struct turn_end *t)
{
    struct completion *c = container_of(t, struct completion, later);
    struct slice model = c->ask.call->model;

    if (slice_eq(model, SLICE("silent")))
        return;
    c->over = true;
    c->ask.outcome->attempts = 1;
    if (slice_eq(model, SLICE("buffered")))
        answer_buffered(c->ask.sink);
    else if (slice_eq(model, SLICE("down")))
        c->ask.sink->events->on_fault(c->ask.sink, &(struct fault){.kind = FAULT_UPSTREAM_CONNECT});
    else
        answer_stream(c->ask.sink, slice_eq(model, SLICE("cut")));
}

static void completion_end(void *arg)
{
    completion_cancel(arg);
}

int completion_start(struct router *router, const struct completion_ask *ask, struct arena *a,
                     struct completion **ret, struct fault *ret_fault)
{
    struct completion *c = arena_new(a, struct completion);

    (void)router;
    (void)ret_fault;
    rig_must(c && arena_defer(a, completion_end, c) == OK);
    c->ask = *ask;
    turn_end_init(&c->later, completion_run);
    turn_end_queue(loop, &c->later);
    *ret = c;
    return AGAIN;
}

void completion_proceed(struct completion *c)
{
    (void)c;
}

void completion_cancel(struct completion *c)
{
    turn_end_cancel(&c->later);
    if (!c->over)
        sem_post(&cancelled);
    c->over = true;
}

/* --- the server's thread --- */

static const struct middleware *const gates[] = {&middleware_trace,      &middleware_access_log,
                                                 &middleware_auth,       &middleware_record,
                                                 &middleware_rate_limit, NULL};

static struct server *server;
static struct mailbox *mailbox;
static pthread_t thread;
static uint16_t port;

static void stop_loop(struct mail *mail)
{
    (void)mail;
    loop_stop(loop);
}

static struct mail stop_mail = {.open = stop_loop};

static void *serve(void *arg)
{
    (void)arg;
    loop_run(loop);
    return NULL;
}

static int rig_up(void **state)
{
    struct server_options options = {
        .listen = SLICE("127.0.0.1:0"),
        .limits = {.header_bytes = 65536,
                   .body_bytes = 1 << 20,
                   .head_ms = 30000,
                   .body_ms = 30000,
                   .idle_ms = 30000,
                   .write_ms = 30000,
                   .connections = 100,
                   .write_bytes = 65536},
        .events = &chain_server_events,
        .owner = &rig.chain,
    };

    (void)state;
    log_start(&(struct log_options){.level = LOG_INFO, .path = "/dev/null"});
    rig_open(gates, controller_routes);
    rig_publish();
    sem_init(&cancelled, 0, 0);
    loop = loop_new();
    rig_must(loop && server_open(loop, &options, &server) == OK);
    mailbox = mailbox_new(loop);
    rig_must(mailbox);
    port = server_port(server);
    rig_must(pthread_create(&thread, NULL, serve, NULL) == 0);
    return 0;
}

static int rig_down(void **state)
{
    (void)state;
    mailbox_post(mailbox, &stop_mail);
    pthread_join(thread, NULL);
    server_close(server);
    mailbox_free(mailbox);
    loop_free(loop);
    sem_destroy(&cancelled);
    rig_close();
    log_stop();
    return 0;
}

/* --- the client --- */

static char answer[65536];

static int dial(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    rig_must(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
    return fd;
}

static void say(int fd, const char *text)
{
    rig_must(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

static void say_call(int fd, const char *model, const char *extra)
{
    char body[256], request[1024];

    snprintf(body, sizeof(body), "{\"model\":\"%s\",\"messages\":[{}]}", model);
    snprintf(request, sizeof(request),
             "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-plain\r\n"
             "%sContent-Length: %zu\r\n\r\n%s",
             extra, strlen(body), body);
    say(fd, request);
}

/* Reads until the answer holds the text, or ends. */
static void hear(int fd, const char *until)
{
    size_t len = 0;
    ssize_t n;

    answer[0] = '\0';
    while (!strstr(answer, until) &&
           (n = recv(fd, answer + len, sizeof(answer) - 1 - len, 0)) > 0) {
        len += (size_t)n;
        answer[len] = '\0';
    }
}

static void assert_answer_has(const char *text)
{
    if (!strstr(answer, text))
        fail_msg("%s is not in %s", text, answer);
}

/* Every answer so far is whole: the row of each is written before its last bytes. */
static struct record the_row(void)
{
    struct record rows[8];

    assert_int_equal(rig_rows(rows, 8), 1);
    return rows[0];
}

/* --- tests --- */

static void a_buffered_answer_is_exact(void **state)
{
    int fd = dial();

    (void)state;
    for (int i = 0; i < 3; i++) { /* on one connection */
        say_call(fd, "buffered", "");
        hear(fd, "1.0}");
        assert_answer_has("HTTP/1.1 200 OK\r\n");
        assert_answer_has("\r\ncontent-length: 11\r\n");
        assert_answer_has("\r\ncontent-type: application/json\r\n");
        assert_answer_has("\r\nx-request-id: ");
        assert_answer_has("\r\n\r\n{\"ok\": 1.0}");
        assert_int_equal(the_row().response_bytes, 11);
    }
    close(fd);
}

static void a_stream_is_chunked_and_ends(void **state)
{
    int fd = dial();

    (void)state;
    say_call(fd, "stream", "");
    hear(fd, "\r\n0\r\n\r\n");
    assert_answer_has("\r\ncontent-type: text/event-stream; charset=utf-8\r\n");
    assert_answer_has("\r\ntransfer-encoding: chunked\r\n");
    assert_answer_has("data: {\"hello\":1}\n\n");
    assert_answer_has("data: [DONE]\n\n\r\n0\r\n\r\n");
    assert_int_equal(the_row().status, OUTCOME_OK);
    say_call(fd, "buffered", ""); /* the connection goes on */
    hear(fd, "1.0}");
    assert_answer_has("HTTP/1.1 200 OK\r\n");
    close(fd);
}

static void a_cut_stream_ends_with_an_error_event(void **state)
{
    int fd = dial();

    (void)state;
    say_call(fd, "cut", "");
    hear(fd, "\r\n0\r\n\r\n");
    assert_answer_has("data: {\"hello\":1}\n\n");
    assert_answer_has("\"code\":\"upstream_stream_interrupted\"}}\n\n\r\n0\r\n\r\n");
    assert_null(strstr(answer, "[DONE]"));
    struct record r = the_row();
    assert_int_equal(r.status, OUTCOME_INTERRUPTED);
    assert_string_equal(r.error_code, "upstream_connection_lost");
    close(fd);
}

static void a_provider_that_is_down_is_a_502(void **state)
{
    int fd = dial();

    (void)state;
    say_call(fd, "down", "X-Request-Id: mine\r\n");
    hear(fd, "}}");
    assert_answer_has("HTTP/1.1 502 Bad Gateway\r\n");
    assert_answer_has("\r\nx-request-id: mine\r\n");
    assert_answer_has("\"code\":\"upstream_connect_failed\"");
    assert_string_equal(the_row().request_id, "mine");
    close(fd);
}

/* field notes 15, 16: noticed before the first byte, and when nothing streams */
static void a_client_that_hangs_up_is_noticed(void **state)
{
    struct timespec soon;
    int fd = dial();

    (void)state;
    say_call(fd, "silent", "");
    close(fd);
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_sec += 60;
    assert_int_equal(sem_timedwait(&cancelled, &soon), 0);
    fd = dial(); /* one more request on the same loop: the first one's end lies behind it */
    say(fd, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    hear(fd, "ok");
    struct record r = the_row();
    assert_int_equal(r.status, OUTCOME_CLIENT_CLOSED);
    assert_int_equal(r.http_status, 499);
    close(fd);
}

static void what_is_no_request_is_told_too(void **state)
{
    static const struct {
        const char *bytes;
        const char *status;
    } cases[] = {
        {"\x16\x03\x01\x02\x01\x01\x00\x01",                                                      "HTTP/1.1 400 "}, /* TLS on the plain port */
        {"nonsense\r\n\r\n",                                                                      "HTTP/1.1 400 "},
        {"GET / HTTP/1.1\r\n\r\n",                                                                "HTTP/1.1 400 "}, /* no Host */
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         "HTTP/1.1 400 "                                                                                         },
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
         "HTTP/1.1 400 "                                                                                         },
        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",                "HTTP/1.1 501 "},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000000\r\n\r\n",                     "HTTP/1.1 413 "},
        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",                "HTTP/1.1 400 "},
    };
    struct record rows[4];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int fd = dial();
        say(fd, cases[i].bytes);
        hear(fd, "}}");
        assert_answer_has(cases[i].status);
        assert_answer_has("\r\nx-request-id: ");
        assert_answer_has("\r\nconnection: close\r\n");
        assert_answer_has("{\"error\":{\"message\":\"");
        close(fd);
    }
    assert_int_equal(rig_rows(rows, 4), 0);
}

static void head_has_no_body(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, "HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
    hear(fd, "{\"status\":\"ready\"}\n");
    assert_answer_has("HTTP/1.1 200 OK\r\n");
    assert_null(strstr(answer, "{\"status\":\"ok\"}"));
    close(fd);
}

int main(void)
{
#define RIGGED(test) cmocka_unit_test_setup_teardown(test, rig_up, rig_down)
    const struct CMUnitTest tests[] = {
        RIGGED(a_buffered_answer_is_exact),
        RIGGED(a_stream_is_chunked_and_ends),
        RIGGED(a_cut_stream_ends_with_an_error_event),
        RIGGED(a_provider_that_is_down_is_a_502),
        RIGGED(a_client_that_hangs_up_is_noticed),
        RIGGED(what_is_no_request_is_told_too),
        RIGGED(head_has_no_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
