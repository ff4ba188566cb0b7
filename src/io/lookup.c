/* lookup.c: see lookup.h. */

#include "io/lookup.h"

#include "base/clock.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { HOST_MOST = 255 };

/* Of who asks and of the thread that does; the last one frees it. */
struct question {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    unsigned holders;
    bool is_answered;
    int rc;
    struct lookup found;
    char host[HOST_MOST + 1];
};

static atomic_uint asking; /* threads, also those that were left behind */

static void let_go(struct question *q)
{
    pthread_mutex_lock(&q->lock);
    bool last = --q->holders == 0;
    pthread_mutex_unlock(&q->lock);
    if (!last)
        return;
    pthread_cond_destroy(&q->answered);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

/* --- the thread --- */

static void collect(const struct addrinfo *found, struct lookup *ret)
{
    for (; found && ret->len < LOOKUP_ADDRESSES; found = found->ai_next)
        if (getnameinfo(found->ai_addr, found->ai_addrlen, ret->addresses[ret->len], LOOKUP_TEXT,
                        NULL, 0, NI_NUMERICHOST) == 0)
            ret->len++;
}

static int ask_resolver(const char *host, struct lookup *ret)
{
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(host, NULL, &hints, &found);

    if (rc != 0)
        return rc == EAI_MEMORY ? -ENOMEM : rc == EAI_AGAIN ? -EAGAIN : -EHOSTUNREACH;
    collect(found, ret);
    freeaddrinfo(found);
    return ret->len ? OK : -EHOSTUNREACH;
}

static void *answer(void *arg)
{
    struct question *q = arg;
    struct lookup found = {.len = 0};
    int rc = ask_resolver(q->host, &found);

    pthread_mutex_lock(&q->lock);
    q->found = found;
    q->rc = rc;
    q->is_answered = true;
    pthread_cond_signal(&q->answered);
    pthread_mutex_unlock(&q->lock);
    let_go(q);
    atomic_fetch_sub(&asking, 1);
    return NULL;
}

/* --- who asks --- */

static struct question *question_new(const char *host)
{
    struct question *q = calloc(1, sizeof(*q));
    pthread_condattr_t attributes;

    if (!q)
        return NULL;
    memcpy(q->host, host, strlen(host));
    q->holders = 2;
    pthread_mutex_init(&q->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&q->answered, &attributes);
    pthread_condattr_destroy(&attributes);
    return q;
}

static int start(struct question *q)
{
    pthread_t thread;
    int rc = -pthread_create(&thread, NULL, answer, q);

    if (rc < 0) {
        let_go(q);
        return rc;
    }
    pthread_detach(thread);
    return OK;
}

static int wait_answer(struct question *q, uint64_t limit_ms, struct lookup *ret)
{
    uint64_t at = clock_now_ms() + limit_ms;
    struct timespec until = {.tv_sec = (time_t)(at / 1000), .tv_nsec = (long)(at % 1000) * 1000000};
    int rc = 0;

    pthread_mutex_lock(&q->lock);
    while (rc == 0 && !q->is_answered)
        rc = pthread_cond_timedwait(&q->answered, &q->lock, &until);
    rc = q->is_answered ? q->rc : -ETIMEDOUT;
    *ret = q->found;
    pthread_mutex_unlock(&q->lock);
    return rc;
}

int lookup_host(const char *host, uint64_t limit_ms, struct lookup *ret)
{
    *ret = (struct lookup){.len = 0};
    if (host[0] == '\0' || strlen(host) > HOST_MOST)
        return -EHOSTUNREACH;
    if (atomic_fetch_add(&asking, 1) >= LOOKUP_ASKING_MOST) {
        atomic_fetch_sub(&asking, 1);
        return -EAGAIN;
    }
    struct question *q = question_new(host);
    int rc = q ? start(q) : -ENOMEM;
    if (rc < 0)
        atomic_fetch_sub(&asking, 1);
    else
        rc = wait_answer(q, limit_ms, ret);
    if (q)
        let_go(q);
    return rc;
}
