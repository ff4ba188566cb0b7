/* housekeeper.c: see housekeeper.h. Each step is a short transaction of its own; a round that fails
 * is begun anew in the next minute, and finds what was done. */

#include "service/housekeeper.h"

#include "base/clock.h"
#include "base/log.h"
#include "repository/audit_repo.h"
#include "repository/prompt_repo.h"
#include "repository/repository.h"
#include "repository/rollup_repo.h"
#include "repository/usage_retention.h"
#include "service/clock_watch.h"
#include "service/pacer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

enum {
    FIRST_ROUND_MS = 1000,
    ROUND_MS = 60000,
    BREATH_MS = 20,        /* between steps that take a lock */
    LATE_MS = 30000,       /* after its end a minute is over: the ledgers have written most of it */
    LOOK_BACK_MS = 300000, /* for the use of keys: more than a round, for a ledger that was late */
    PATIENCE_MS = 1000,
    DAYS_AHEAD = 3,
};

/* Sums and the audit log are small: they stay for 400 days at least, so that a year can be compared
 * with the last, and whoever looks into what happened in it finds who changed what. */
#define LONG_MS ((uint64_t)400 * 24 * 3600 * 1000)

struct housekeeper {
    char *store;
    uint64_t retention_ms, prompt_retention_ms;
    const atomic_bool *admitted;
    pthread_t thread;
    struct pacer pacer;

    pthread_mutex_t lock; /* of the pointer db: whoever stops interrupts what it does */
    struct db *db;        /* the thread's own; NULL: to be opened */
    struct clock_watch clock;
    bool watching; /* the clock */
    bool failing;
};

/* Microseconds of the wall clock so long ago. */
static uint64_t ago(uint64_t ms)
{
    uint64_t now = clock_wall_us();

    return now > ms * 1000 ? now - ms * 1000 : 0;
}

/* Whether to go on: others want the lock, and the housekeeper may have to stop. */
static bool breathe(struct housekeeper *h)
{
    return pacer_wait(&h->pacer, BREATH_MS) != PACER_STOPPED;
}

static int roll(struct housekeeper *h)
{
    int rc = OK;

    while (rc == OK && (rc = rollup_repo_roll(h->db, ago(LATE_MS))) > 0)
        rc = breathe(h) ? OK : -ECANCELED;
    return rc;
}

static int end_rows(struct housekeeper *h)
{
    int rc = usage_retention_advance(h->db, ago(h->retention_ms));

    while (rc == OK && (rc = usage_retention_end_rows(h->db)) > 0)
        rc = breathe(h) ? OK : -ECANCELED;
    return rc;
}

static int end_sums(struct housekeeper *h)
{
    uint64_t before = ago(MAX(LONG_MS, h->retention_ms));
    int rc = OK;

    while (rc == OK && (rc = usage_retention_end_sums(h->db, before)) > 0)
        rc = breathe(h) ? OK : -ECANCELED;
    return rc;
}

/* Of the trail a row may be the last that knows of an object: it stays as long as the sums. */
static int end_audit(struct housekeeper *h)
{
    uint64_t before = ago(MAX(LONG_MS, h->retention_ms));
    int rc = OK;

    while (rc == OK && (rc = audit_repo_end_rows(h->db, before)) > 0)
        rc = breathe(h) ? OK : -ECANCELED;
    return rc;
}

/* Whether or not any are stored now. */
static int end_prompts(struct housekeeper *h)
{
    int rc = OK;

    while (rc == OK && (rc = prompt_repo_end_rows(h->db, ago(h->prompt_retention_ms))) > 0)
        rc = breathe(h) ? OK : -ECANCELED;
    return rc;
}

/* -ERANGE: nothing is to be ended by the clock. A server's is asked; without one there is only what
 * this one said before. */
static int check_clock(struct housekeeper *h)
{
    struct clock_reading now = {clock_wall_us(), clock_running_ms()};
    uint64_t newest;

    if (usage_retention_has_server(h->db))
        return usage_retention_check_clock(h->db, now.wall_us);
    if (!h->watching) {
        int rc = usage_retention_newest(h->db, &newest);
        if (rc < 0)
            return rc;
        clock_watch_begin(&h->clock, newest, now);
        h->watching = true;
    }
    return clock_watch_believes(&h->clock, now) ? OK : -ERANGE;
}

static int work(struct housekeeper *h)
{
    bool leads = false;
    int rc = usage_retention_make_days(h->db, clock_wall_us(), DAYS_AHEAD);

    if (rc == OK)
        rc = repository_lead(h->db, &leads);
    if (rc < 0 || !leads)
        return rc;
    rc = check_clock(h);
    if (rc == OK && h->prompt_retention_ms)
        rc = end_prompts(h);
    if (rc == OK)
        rc = rollup_repo_note_use(h->db, ago(LOOK_BACK_MS));
    if (rc == OK)
        rc = roll(h);
    if (rc == OK && h->retention_ms)
        rc = end_rows(h);
    if (rc == OK && h->retention_ms)
        rc = end_sums(h);
    if (rc == OK && h->retention_ms)
        rc = end_audit(h);
    return rc;
}

static void tell(struct housekeeper *h, int rc, const char *why)
{
    bool failed = rc < 0 && rc != -ECANCELED;

    if (rc == -ERANGE)
        why =
            "this machine's clock is ahead of the database's, or has jumped: what is too old by it "
            "ends when it has said so for a day";
    if (failed && !h->failing)
        log_event(LOG_WARN, "sums and retention wait: the store failed", LOG_RC(rc),
                  LOG_STR("why", why), LOG_END);
    if (!failed && h->failing)
        log_event(LOG_INFO, "sums and retention are kept again", LOG_END);
    h->failing = failed;
}

static void set_db(struct housekeeper *h, struct db *db)
{
    pthread_mutex_lock(&h->lock);
    struct db *old = h->db;
    h->db = db;
    pthread_mutex_unlock(&h->lock);
    repository_close(old);
}

static int open_store(struct housekeeper *h, char why[REPOSITORY_WHY])
{
    struct db *db = NULL;
    int rc = repository_open(slice_str(h->store), why, &db);

    if (rc == OK)
        set_db(h, db);
    return rc;
}

static void round_once(struct housekeeper *h)
{
    char why[REPOSITORY_WHY];
    int rc = h->db ? OK : open_store(h, why);

    if (rc < 0) {
        tell(h, rc, why);
        return;
    }
    repository_set_patience(h->db, PATIENCE_MS);
    rc = work(h);
    tell(h, rc, repository_error(h->db));
    if (rc < 0)
        set_db(h, NULL);
}

static bool is_admitted(const struct housekeeper *h)
{
    return !h->admitted || atomic_load(h->admitted);
}

static void *housekeeper_run(void *arg)
{
    struct housekeeper *h = arg;
    uint64_t pause_ms = FIRST_ROUND_MS;

    while (pacer_wait(&h->pacer, pause_ms) != PACER_STOPPED) {
        if (!is_admitted(h))
            continue;
        round_once(h);
        pause_ms = ROUND_MS;
    }
    set_db(h, NULL);
    return NULL;
}

static void housekeeper_free(struct housekeeper *h)
{
    pacer_free(&h->pacer);
    pthread_mutex_destroy(&h->lock);
    free(h->store);
    free(h);
}

int housekeeper_start(const struct housekeeper_options *options, struct housekeeper **ret)
{
    struct housekeeper *h = calloc(1, sizeof(*h));

    *ret = NULL;
    if (!h)
        return -ENOMEM;
    pacer_init(&h->pacer);
    pthread_mutex_init(&h->lock, NULL);
    h->retention_ms = options->retention_ms;
    h->prompt_retention_ms = options->prompt_retention_ms;
    h->admitted = options->admitted;
    h->store = strndup(options->store.at ? options->store.at : "", options->store.len);
    int rc = h->store ? -pthread_create(&h->thread, NULL, housekeeper_run, h) : -ENOMEM;
    if (rc < 0) {
        housekeeper_free(h);
        return rc;
    }
    *ret = h;
    return OK;
}

void housekeeper_stop(struct housekeeper *h)
{
    if (!h)
        return;
    pacer_stop(&h->pacer, 0);
    pthread_mutex_lock(&h->lock);
    if (h->db)
        repository_interrupt(h->db);
    pthread_mutex_unlock(&h->lock);
    pthread_join(h->thread, NULL);
    housekeeper_free(h);
}
