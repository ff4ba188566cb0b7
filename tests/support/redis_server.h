/* redis_server.h: a redis-server of a test's own: a free port, an empty folder, nothing kept.
 *
 * Started and asked in plain blocking code. COURIER_TEST_REDIS_SERVER names another program that
 * is one (tests/versions). */

#pragma once

#include "codec/resp.h"
#include "support/scratch.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

enum { REDIS_ANSWER = 64 * 1024 };

struct redis_server {
    struct scratch folder;
    pid_t pid;
    uint16_t port;
    const char *password; /* NULL: none */
    char answer[REDIS_ANSWER];
    struct resp_reply reply; /* of the last redis_ask; lives in answer */
};

static inline bool redis_port_is_free(uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool is_free = bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

    close(fd);
    return is_free;
}

/* Below those that the kernel gives to connections: nobody takes it while the server restarts. */
static inline uint16_t redis_free_port(void)
{
    struct timespec now;
    uint16_t port;

    clock_gettime(CLOCK_MONOTONIC, &now);
    unsigned seed = (unsigned)getpid() * 7919u + (unsigned)now.tv_nsec;
    do {
        seed = seed * 1664525u + 1013904223u;
        port = (uint16_t)(18000 + (seed >> 8) % 14000);
    } while (!redis_port_is_free(port));
    return port;
}

/* The socket, or -1. */
static inline int redis_dial(const struct redis_server *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                            .sin_port = htons(s->port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
        return fd;
    close(fd);
    return -1;
}

static inline bool redis_talk(struct redis_server *s, int fd, const struct slice *words, size_t n)
{
    size_t len = 0;
    struct buf b;

    buf_init(&b, 1 << 22);
    if (resp_add_command(&b, words, n) < 0 || write(fd, b.at, b.len) != (ssize_t)b.len)
        abort();
    buf_free(&b);
    for (;;) {
        ssize_t got = read(fd, s->answer + len, sizeof(s->answer) - len);
        if (got <= 0)
            return false;
        len += (size_t)got;
        int rc = resp_read(slice_of(s->answer, len), &s->reply);
        if (rc != AGAIN)
            return rc == OK;
    }
}

/* Asks and waits; s->reply is what it said. False: nobody there. */
static inline bool redis_ask_words(struct redis_server *s, const struct slice *words, size_t n)
{
    int fd = redis_dial(s);
    bool ok = fd >= 0;

    if (ok && s->password) {
        const struct slice auth[] = {SLICE("AUTH"), slice_str(s->password)};
        ok = redis_talk(s, fd, auth, 2);
    }
    ok = ok && redis_talk(s, fd, words, n);
    if (fd >= 0)
        close(fd);
    return ok;
}

/* The same with words separated by single spaces. */
static inline bool redis_ask(struct redis_server *s, const char *command)
{
    struct slice words[16], rest = slice_str(command);
    size_t n = 0;

    while (rest.len && n < 16)
        words[n++] = slice_cut(&rest, ' ');
    return redis_ask_words(s, words, n);
}

static inline void redis_must(struct redis_server *s, const char *command)
{
    if (!redis_ask(s, command) || s->reply.values[0].kind == RESP_ERROR) {
        fprintf(stderr, "redis-server: %s: %.*s\n", command, SLICE_FMT(s->reply.values[0].text));
        abort();
    }
}

static inline int64_t redis_number(struct redis_server *s, const char *command)
{
    redis_must(s, command);
    return s->reply.values[0].number;
}

static inline void redis_server_start(struct redis_server *s)
{
    const char *named = getenv("COURIER_TEST_REDIS_SERVER");
    const char *program = named ? named : "redis-server";
    char port[8];

    snprintf(port, sizeof(port), "%u", s->port);
    s->pid = fork();
    if (s->pid == 0) {
        execlp(program, program, "--port", port, "--bind", "127.0.0.1", "--dir", s->folder.path,
               "--save", "", "--appendonly", "no", "--logfile", "redis.log", "--requirepass",
               s->password ? s->password : "", (char *)NULL);
        perror(program);
        _exit(127);
    }
    for (int i = 0; !redis_ask(s, "PING"); i++) {
        if (i == 3000 || waitpid(s->pid, NULL, WNOHANG) == s->pid) {
            fprintf(stderr, "redis-server does not start; is it installed?\n");
            abort();
        }
        nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
    }
}

static inline void redis_server_open(struct redis_server *s, const char *password)
{
    memset(s, 0, sizeof(*s));
    s->password = password;
    s->port = redis_free_port();
    scratch_make(&s->folder);
    redis_server_start(s);
}

static inline void redis_server_kill(struct redis_server *s)
{
    if (s->pid > 0) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
    }
    s->pid = 0;
}

static inline void redis_server_close(struct redis_server *s)
{
    redis_server_kill(s);
    scratch_remove(&s->folder);
}
