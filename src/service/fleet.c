/* fleet.c: a round of letters, one for each worker; see fleet.h.
 *
 * The round belongs to whoever asked and to each letter that is still out: the last one frees it,
 * so a worker that answers too late writes to memory that is there. */

#include "service/fleet.h"

#include "io/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct fleet {
    pthread_mutex_t lock;
    struct fleet_member members[FLEET_MOST];
    size_t len;
};

struct letter {
    struct mail mail;
    struct round *round;
    struct fleet_member member;
    struct fleet_report report;
    bool answered;
};

struct round {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    size_t missing; /* letters without an answer */
    size_t holders;
    size_t len;
    struct letter letters[];
};

struct fleet *fleet_new(void)
{
    struct fleet *f = calloc(1, sizeof(*f));

    if (f)
        pthread_mutex_init(&f->lock, NULL);
    return f;
}

void fleet_free(struct fleet *f)
{
    if (!f)
        return;
    pthread_mutex_destroy(&f->lock);
    free(f);
}

int fleet_join(struct fleet *f, const struct fleet_member *m)
{
    int rc = -ENOSPC;

    pthread_mutex_lock(&f->lock);
    if (f->len < FLEET_MOST) {
        f->members[f->len++] = *m;
        rc = OK;
    }
    pthread_mutex_unlock(&f->lock);
    return rc;
}

void fleet_leave(struct fleet *f, const void *owner)
{
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < f->len; i++) {
        if (f->members[i].owner != owner)
            continue;
        f->members[i] = f->members[--f->len];
        break;
    }
    pthread_mutex_unlock(&f->lock);
}

/* --- a round --- */

static struct round *round_new(size_t len)
{
    struct round *r = calloc(1, sizeof(*r) + len * sizeof(r->letters[0]));
    pthread_condattr_t attributes;

    if (!r)
        return NULL;
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&r->answered, &attributes);
    pthread_condattr_destroy(&attributes);
    r->missing = r->len = len;
    r->holders = len + 1;
    return r;
}

/* With the lock held, which it gives back. */
static void round_release(struct round *r)
{
    bool last = --r->holders == 0;

    pthread_mutex_unlock(&r->lock);
    if (!last)
        return;
    for (size_t i = 0; i < r->len; i++)
        census_free(&r->letters[i].report.census);
    pthread_cond_destroy(&r->answered);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* On the worker's thread. */
static void letter_open(struct mail *m)
{
    struct letter *l = container_of(m, struct letter, mail);
    struct round *r = l->round;

    l->member.report(l->member.owner, &l->report);
    pthread_mutex_lock(&r->lock);
    l->answered = true;
    if (--r->missing == 0)
        pthread_cond_signal(&r->answered);
    round_release(r);
}

static struct timespec deadline_in(uint64_t ms)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += (time_t)(ms / 1000);
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

/* Under the fleet's lock: a member leaves before its mailbox goes. */
static struct round *fleet_post(struct fleet *f)
{
    pthread_mutex_lock(&f->lock);
    struct round *r = round_new(f->len);
    for (size_t i = 0; r && i < r->len; i++) {
        struct letter *l = &r->letters[i];
        l->mail.open = letter_open;
        l->round = r;
        l->member = f->members[i];
        mailbox_post(l->member.mailbox, &l->mail);
    }
    pthread_mutex_unlock(&f->lock);
    return r;
}

/* With the round's lock held: takes what has come. */
static void round_take(struct round *r, struct fleet_reports *ret)
{
    for (size_t i = 0; i < r->len; i++) {
        struct letter *l = &r->letters[i];
        if (!l->answered)
            continue;
        ret->at[ret->len++] = l->report;
        l->report = (struct fleet_report){0};
    }
}

int fleet_ask(struct fleet *f, uint64_t limit_ms, struct fleet_reports **ret)
{
    struct fleet_reports *reports = calloc(1, sizeof(*reports));
    struct round *r = reports ? fleet_post(f) : NULL;

    *ret = r ? reports : NULL;
    if (!r) {
        free(reports);
        return -ENOMEM;
    }
    const struct timespec deadline = deadline_in(limit_ms);
    int rc = 0;
    pthread_mutex_lock(&r->lock);
    while (r->missing > 0 && rc == 0)
        rc = pthread_cond_timedwait(&r->answered, &r->lock, &deadline);
    round_take(r, reports);
    round_release(r);
    return OK;
}

void fleet_reports_free(struct fleet_reports *r)
{
    for (size_t i = 0; r && i < r->len; i++)
        census_free(&r->at[i].census);
    free(r);
}
