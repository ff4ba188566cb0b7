/* admin_desk.c: see admin_desk.h. */

#include "service/admin_desk.h"

#include "base/clock.h"
#include "base/log.h"
#include "repository/repository.h"
#include "service/admin.h"
#include "service/snapshot_keeper.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

/* One thread of the desk. */
struct clerk {
    struct admin_desk *desk;
    pthread_t thread;
    bool started;
    struct admin *admin;
    const struct admin_job *job; /* NULL: idle; under the desk's lock */
};

struct admin_desk {
    pthread_mutex_t lock;
    pthread_cond_t work;  /* the line is not empty, or the desk closes */
    pthread_cond_t quiet; /* some job was posted */
    struct list line;
    size_t line_len, line_most;
    size_t guests_waiting; /* in the line */
    unsigned guests;       /* being worked on */
    unsigned threads;
    uint64_t wait_ms;
    struct snapshot_keeper *keeper;
    bool closed;
    unsigned clerks_len;
    struct clerk clerks[];
};

/* --- a thread --- */

enum { CATCH_UP_MS = 1000 };

/* So that the next request of whoever made a change finds it, at this instance at least. */
static void wait_until_served(struct clerk *c)
{
    struct admin *a = c->admin;

    if (a->changed && c->desk->keeper)
        snapshot_keeper_catch_up(c->desk->keeper, a->changed, CATCH_UP_MS);
    a->changed = 0;
}

static int serve(struct clerk *c, struct admin_job *job)
{
    uint64_t now = clock_now_ms();
    int rc = now >= job->deadline_ms ? -ETIMEDOUT : admin_connect(c->admin);

    if (rc < 0)
        return rc;
    repository_set_patience(c->admin->db, (unsigned)(job->deadline_ms - now));
    rc = job->work(job, c->admin);
    if (rc < 0 && rc != -EPERM)
        log_event(LOG_WARN, "the store failed an administrator's request", LOG_RC(rc),
                  LOG_STR("why", repository_error(c->admin->db)), LOG_END);
    wait_until_served(c);
    if (rc == -EIO || rc == -EBADMSG || rc == -EACCES) /* the next one begins anew */
        admin_disconnect(c->admin);
    return rc;
}

static void leave_line(struct admin_desk *d, struct admin_job *job)
{
    list_remove(&job->node);
    d->line_len--;
    d->guests_waiting -= job->guest;
}

/* The first that may begin now; NULL: none. With the lock. */
static struct admin_job *first(struct admin_desk *d)
{
    bool guests_may = d->threads == 1 || d->guests + 1 < d->threads;

    list_for_each_safe(at, &d->line)
    {
        struct admin_job *job = list_entry(at, struct admin_job, node);
        if (guests_may || !job->guest)
            return job;
    }
    return NULL;
}

/* The next job, or NULL at the end. With the lock. */
static struct admin_job *take(struct admin_desk *d)
{
    struct admin_job *job;

    while (!(job = first(d)) && !d->closed)
        pthread_cond_wait(&d->work, &d->lock);
    if (!job)
        return NULL;
    leave_line(d, job);
    d->guests += job->guest;
    return job;
}

/* With the lock: the worker cannot have left between. */
static void post(struct admin_desk *d, struct admin_job *job)
{
    if (job->guest) {
        d->guests--;
        pthread_cond_broadcast(&d->work);
    }
    mailbox_post(job->mailbox, &job->mail);
}

static void *clerk_run(void *arg)
{
    struct clerk *c = arg;
    struct admin_desk *d = c->desk;
    struct admin_job *job;

    pthread_setname_np(pthread_self(), "admin");
    pthread_mutex_lock(&d->lock);
    while ((job = take(d))) {
        c->job = job;
        pthread_mutex_unlock(&d->lock);
        job->rc = serve(c, job);
        pthread_mutex_lock(&d->lock);
        post(d, job);
        c->job = NULL;
        pthread_cond_broadcast(&d->quiet);
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

/* --- asking --- */

static void on_mail(struct mail *m)
{
    struct admin_job *job = container_of(m, struct admin_job, mail);

    job->done(job, job->rc);
}

int admin_desk_submit(struct admin_desk *d, struct admin_job *job)
{
    int rc = AGAIN;

    job->mail.open = on_mail;
    job->deadline_ms = clock_now_ms() + d->wait_ms;
    pthread_mutex_lock(&d->lock);
    bool full =
        d->line_len >= d->line_most || (job->guest && d->guests_waiting >= (d->line_most + 1) / 2);
    if (d->closed || full) {
        rc = -EBUSY;
    } else {
        list_add_tail(&d->line, &job->node);
        d->line_len++;
        d->guests_waiting += job->guest;
        pthread_cond_signal(&d->work);
    }
    pthread_mutex_unlock(&d->lock);
    return rc;
}

static bool works_for(const struct admin_desk *d, const struct mailbox *mailbox)
{
    for (unsigned i = 0; i < d->clerks_len; i++)
        if (d->clerks[i].job && d->clerks[i].job->mailbox == mailbox)
            return true;
    return false;
}

void admin_desk_leave(struct admin_desk *d, struct mailbox *mailbox)
{
    struct list left;

    list_init(&left);
    pthread_mutex_lock(&d->lock);
    list_for_each_safe(at, &d->line)
    {
        struct admin_job *job = list_entry(at, struct admin_job, node);
        if (job->mailbox != mailbox)
            continue;
        leave_line(d, job);
        list_add_tail(&left, at);
    }
    while (works_for(d, mailbox))
        pthread_cond_wait(&d->quiet, &d->lock);
    pthread_mutex_unlock(&d->lock);
    list_for_each_safe(at, &left)
    {
        struct admin_job *job = list_entry(at, struct admin_job, node);
        list_remove(at);
        job->done(job, -ECANCELED);
    }
}

/* --- opening and closing --- */

static int start_clerk(struct admin_desk *d, const struct admin_options *options)
{
    struct clerk *c = &d->clerks[d->clerks_len++];

    c->desk = d;
    int rc = admin_new(options, &c->admin);
    if (rc == OK)
        rc = -pthread_create(&c->thread, NULL, clerk_run, c);
    c->started = rc == OK;
    return rc;
}

int admin_desk_start(const struct admin_desk_options *options, struct admin_desk **ret)
{
    struct admin_desk *d = calloc(1, sizeof(*d) + options->threads * sizeof(d->clerks[0]));
    int rc = OK;

    *ret = NULL;
    if (!d)
        return -ENOMEM;
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->work, NULL);
    pthread_cond_init(&d->quiet, NULL);
    list_init(&d->line);
    d->line_most = options->waiting;
    d->wait_ms = options->wait_ms;
    d->threads = options->threads;
    d->keeper = options->keeper;
    for (unsigned i = 0; rc == OK && i < options->threads; i++)
        rc = start_clerk(d, &options->admin);
    if (rc < 0)
        admin_desk_stop(d);
    else
        *ret = d;
    return rc;
}

void admin_desk_stop(struct admin_desk *d)
{
    if (!d)
        return;
    pthread_mutex_lock(&d->lock);
    d->closed = true;
    pthread_cond_broadcast(&d->work);
    pthread_mutex_unlock(&d->lock);
    for (unsigned i = 0; i < d->clerks_len; i++) {
        if (d->clerks[i].started)
            pthread_join(d->clerks[i].thread, NULL);
        admin_close(d->clerks[i].admin);
    }
    pthread_cond_destroy(&d->quiet);
    pthread_cond_destroy(&d->work);
    pthread_mutex_destroy(&d->lock);
    free(d);
}
