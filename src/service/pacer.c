/* pacer.c: see pacer.h. */

#include "service/pacer.h"

#include "base/clock.h"

#include <time.h>

void pacer_init(struct pacer *p)
{
    pthread_condattr_t monotonic;

    *p = (struct pacer){.woken = false};
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&p->change, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void pacer_free(struct pacer *p)
{
    pthread_cond_destroy(&p->change);
    pthread_mutex_destroy(&p->lock);
}

enum pacer_end pacer_wait(struct pacer *p, uint64_t ms)
{
    uint64_t at = clock_now_ms() + ms;
    struct timespec until = {.tv_sec = (time_t)(at / 1000), .tv_nsec = (long)(at % 1000) * 1000000};
    int rc = 0;

    pthread_mutex_lock(&p->lock);
    while (!p->stopped && !p->woken && rc == 0)
        rc = pthread_cond_timedwait(&p->change, &p->lock, &until);
    enum pacer_end end = p->stopped ? PACER_STOPPED : p->woken ? PACER_WOKEN : PACER_PAUSED;
    p->woken = false;
    pthread_mutex_unlock(&p->lock);
    return end;
}

void pacer_wake(struct pacer *p)
{
    pthread_mutex_lock(&p->lock);
    p->woken = true;
    pthread_cond_signal(&p->change);
    pthread_mutex_unlock(&p->lock);
}

void pacer_stop(struct pacer *p, uint64_t limit_ms)
{
    pthread_mutex_lock(&p->lock);
    p->stopped = true;
    p->deadline_ms = clock_now_ms() + limit_ms;
    pthread_cond_signal(&p->change);
    pthread_mutex_unlock(&p->lock);
}

uint64_t pacer_left_ms(struct pacer *p)
{
    pthread_mutex_lock(&p->lock);
    uint64_t now = clock_now_ms(), left = p->deadline_ms > now ? p->deadline_ms - now : 0;
    pthread_mutex_unlock(&p->lock);
    return left;
}
