/* snapshot_saver.c: see snapshot_saver.h. */

#include "service/snapshot_saver.h"

#include "base/clock.h"
#include "base/log.h"
#include "service/pacer.h"

#include <errno.h>
#include <stdlib.h>

enum { PAUSE_MS = 10000, SHARE = 20 };

/* What should be written. */
struct offer {
    const struct snapshot *snapshot; /* NULL: nothing new */
    struct buf entries;              /* at NULL: as written last */
    struct snapshot_stamp stamp;
};

struct snapshot_saver {
    char *path;
    struct sealed_key key;
    pthread_t thread;
    struct pacer pacer;

    pthread_mutex_t lock; /* of the offer */
    struct offer offer;

    /* the thread's own */
    struct buf entries;
    uint64_t due_ms; /* no writing before */
    bool failing;
};

void snapshot_saver_offer_take(struct snapshot_saver *s, const struct snapshot *snapshot,
                               struct buf *entries, struct snapshot_stamp stamp)
{
    pthread_mutex_lock(&s->lock);
    const struct snapshot *replaced = s->offer.snapshot;
    s->offer.snapshot = snapshot;
    s->offer.stamp = stamp;
    if (entries) {
        buf_free(&s->offer.entries);
        s->offer.entries = *entries;
    }
    pthread_mutex_unlock(&s->lock);
    snapshot_drop(replaced);
    pacer_wake(&s->pacer);
}

static struct offer accept_offer(struct snapshot_saver *s)
{
    pthread_mutex_lock(&s->lock);
    struct offer offer = s->offer;
    s->offer.snapshot = NULL;
    s->offer.entries = (struct buf){.max = offer.entries.max};
    pthread_mutex_unlock(&s->lock);
    if (offer.entries.at) {
        buf_free(&s->entries);
        s->entries = offer.entries;
    }
    return offer;
}

/* What could not be written is offered again, unless there is something newer. */
static void offer_again(struct snapshot_saver *s, const struct offer *offer)
{
    const struct snapshot *needless = offer->snapshot;

    pthread_mutex_lock(&s->lock);
    if (!s->offer.snapshot) {
        s->offer.snapshot = offer->snapshot;
        s->offer.stamp = offer->stamp;
        needless = NULL;
    }
    pthread_mutex_unlock(&s->lock);
    snapshot_drop(needless);
}

static void tell(struct snapshot_saver *s, int rc)
{
    if (rc < 0 && !s->failing)
        log_event(LOG_ERROR,
                  "the snapshot file cannot be written: a start without the database would find "
                  "what it held before, or nothing",
                  LOG_STR("file", s->path), LOG_RC(rc), LOG_END);
    if (rc == OK && s->failing)
        log_event(LOG_INFO, "the snapshot file is written again", LOG_STR("file", s->path),
                  LOG_END);
    s->failing = rc < 0;
}

static void save(struct snapshot_saver *s)
{
    struct offer offer = accept_offer(s);
    uint64_t began_ms = clock_now_ms();

    if (!offer.snapshot)
        return;
    int rc = snapshot_file_write(s->path, &s->key, offer.stamp, buf_slice(&s->entries),
                                 offer.snapshot->keys);
    tell(s, rc);
    if (rc < 0)
        offer_again(s, &offer);
    else
        snapshot_drop(offer.snapshot);
    uint64_t now_ms = clock_now_ms();
    s->due_ms = now_ms + MAX((now_ms - began_ms) * SHARE, (uint64_t)PAUSE_MS);
}

static bool has_offer(struct snapshot_saver *s)
{
    pthread_mutex_lock(&s->lock);
    bool has = s->offer.snapshot;
    pthread_mutex_unlock(&s->lock);
    return has;
}

/* Through the pause, whoever wakes, then until there is something to write. False: stopped. */
static bool sleep_well(struct snapshot_saver *s)
{
    enum pacer_end end = PACER_PAUSED;

    for (uint64_t now = clock_now_ms(); end != PACER_STOPPED && now < s->due_ms;
         now = clock_now_ms())
        end = pacer_wait(&s->pacer, s->due_ms - now);
    while (end != PACER_STOPPED && !has_offer(s))
        end = pacer_wait(&s->pacer, PAUSE_MS);
    return end != PACER_STOPPED;
}

static void *saver_run(void *arg)
{
    struct snapshot_saver *s = arg;

    while (sleep_well(s))
        save(s);
    save(s);
    return NULL;
}

static void saver_free(struct snapshot_saver *s)
{
    snapshot_drop(s->offer.snapshot);
    buf_free(&s->offer.entries);
    buf_free(&s->entries);
    secret_wipe(&s->key, sizeof(s->key));
    pacer_free(&s->pacer);
    pthread_mutex_destroy(&s->lock);
    free(s->path);
    free(s);
}

int snapshot_saver_start(const char *path, const struct sealed_key *key,
                         struct snapshot_saver **ret)
{
    struct snapshot_saver *s = calloc(1, sizeof(*s));

    *ret = NULL;
    if (!s)
        return -ENOMEM;
    pacer_init(&s->pacer);
    pthread_mutex_init(&s->lock, NULL);
    s->key = *key;
    s->path = strdup(path);
    int rc = s->path ? OK : -ENOMEM;
    if (rc == OK)
        rc = -pthread_create(&s->thread, NULL, saver_run, s);
    if (rc < 0) {
        saver_free(s);
        return rc;
    }
    *ret = s;
    return OK;
}

void snapshot_saver_stop(struct snapshot_saver *s)
{
    if (!s)
        return;
    pacer_stop(&s->pacer, 0);
    pthread_join(s->thread, NULL);
    saver_free(s);
}
