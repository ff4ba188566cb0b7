/* ledger.c: see ledger.h.
 *
 * The writing thread sleeps, writes out what waits in batches of one transaction each, and sleeps
 * again: so long that the next batch is worth a transaction, never longer than 200 ms. Nobody wakes
 * it: the road makes no system call for a record. It may be held up by a database that is silent;
 * the moving thread is not, and looks ten times a second whether records must go into the spool;
 * what neither took for a while it syncs where it is.
 *
 *     journals ─────────────→ database     all is well
 *     journals ──→ spool ───→ database     the database is away, silent or slow, and until what was
 *        [move]      [carry]               spooled then is written */

#include "service/ledger.h"

#include "base/clock.h"
#include "base/log.h"
#include "service/ledger_queue.h"
#include "service/ledger_writer.h"
#include "service/pacer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

enum {
    PAUSE_LEAST_MS = 5,
    PAUSE_MOST_MS = 200,
    RETRY_LEAST_MS = 100,
    RETRY_MOST_MS = 5000,
    LOOK_MS = 100,
    LOOKS_A_SYNC = 2,  /* the writing thread is faster, if the database is well */
    SILENCE_MS = 1000, /* of a database with which records are no longer thought safe */
};

struct ledger {
    struct ledger_queue queue;
    struct ledger_writer writer;
    struct pacer writing_pacer, moving_pacer;
    pthread_t writing, moving;

    /* the writing thread's */
    uint64_t pause_ms, retry_ms;

    bool sync_failing; /* the moving thread's */

    /* of ledger_look and of both threads */
    _Atomic uint64_t failing_since_wall_us, spool_failing_since_wall_us;
    _Atomic uint64_t busy_since_ms; /* the database has been asked; 0: it is not */
};

/* --- how it stands --- */

static bool is_failing(const struct ledger *l)
{
    return l->failing_since_wall_us != 0;
}

static void note_database(struct ledger *l, int rc)
{
    if (rc < 0 && !is_failing(l)) {
        log_event(LOG_WARN, "usage records wait: the database cannot be written to", LOG_RC(rc),
                  LOG_STR("why", l->writer.why), LOG_U64("records", ledger_backlog(l)), LOG_END);
        l->failing_since_wall_us = clock_wall_us();
    } else if (rc == OK && is_failing(l)) {
        log_event(LOG_INFO, "usage records are written again",
                  LOG_U64("records_waiting", ledger_backlog(l)), LOG_END);
        l->failing_since_wall_us = 0;
    }
}

static void note_spool(struct ledger *l, int rc)
{
    bool failing = l->spool_failing_since_wall_us != 0;

    if (rc < 0 && !failing) {
        log_event(LOG_ERROR,
                  rc == -ENOBUFS ? "the spool of usage records has the size of journal.spool"
                                 : "the spool of usage records cannot be written to",
                  LOG_RC(rc), LOG_U64("records", ledger_backlog(l)), LOG_END);
        l->spool_failing_since_wall_us = clock_wall_us();
    } else if (rc == OK && failing) {
        log_event(LOG_INFO, "the spool of usage records is of use again", LOG_END);
        l->spool_failing_since_wall_us = 0;
    }
}

/* --- the moving thread --- */

static bool must_move(struct ledger *l)
{
    uint64_t busy = l->busy_since_ms;

    return is_failing(l) || (busy && clock_now_ms() - busy >= SILENCE_MS) ||
           ledger_queue_must_move(&l->queue);
}

static void note_sync(struct ledger *l, int rc)
{
    if (rc < 0 && !l->sync_failing)
        log_event(LOG_ERROR,
                  "the journals cannot be synced: a power cut would take what is in them",
                  LOG_RC(rc), LOG_END);
    l->sync_failing = rc < 0;
}

static void *move(void *arg)
{
    struct ledger *l = arg;

    for (unsigned looks = 1; pacer_wait(&l->moving_pacer, LOOK_MS) != PACER_STOPPED; looks++) {
        note_spool(l, must_move(l) ? ledger_queue_move(&l->queue) : OK);
        if (looks % LOOKS_A_SYNC == 0)
            note_sync(l, ledger_journals_sync(&l->queue.journals));
    }
    return NULL;
}

/* --- the writing thread --- */

static int put_batch(struct ledger *l, size_t *ret)
{
    l->busy_since_ms = clock_now_ms();
    int rc = ledger_writer_put(&l->writer, &l->queue, ret);
    l->busy_since_ms = 0;
    note_database(l, rc);
    return rc;
}

/* What is there now; *ret counts. to_the_last: else a last small batch is left to the next round,
 * so that a steady trickle does not keep the thread busy. */
static int carry(struct ledger *l, bool to_the_last, size_t *ret)
{
    size_t n = LEDGER_BATCH, waiting = ledger_backlog(l);
    int rc = OK;

    *ret = 0;
    while (rc == OK && n > 0 && !ledger_queue_is_empty(&l->queue) &&
           (to_the_last ? pacer_left_ms(&l->writing_pacer) > 0
                        : n >= LEDGER_BATCH || *ret < waiting)) {
        rc = put_batch(l, &n);
        *ret += n;
    }
    return rc;
}

/* So that the next round finds about a batch. */
static uint64_t next_pause(uint64_t pause_ms, size_t written)
{
    uint64_t pause = written ? pause_ms * LEDGER_BATCH / written : PAUSE_MOST_MS;

    return MIN(MAX(pause, (uint64_t)PAUSE_LEAST_MS), (uint64_t)PAUSE_MOST_MS);
}

static uint64_t next_retry(const struct ledger *l, bool again)
{
    uint64_t ms = again ? l->retry_ms * 2 : RETRY_LEAST_MS;

    return MIN(ms, (uint64_t)RETRY_MOST_MS);
}

static void *write_out(void *arg)
{
    struct ledger *l = arg;
    bool stopping = false;

    while (!stopping) {
        bool was_failing = is_failing(l);
        size_t written = 0;
        stopping = pacer_wait(&l->writing_pacer, l->pause_ms) == PACER_STOPPED;
        if (stopping && was_failing)
            break; /* known to be away: the files keep them */
        int rc = carry(l, stopping, &written);
        if (rc < 0)
            l->retry_ms = l->pause_ms = next_retry(l, was_failing);
        else
            l->pause_ms = next_pause(l->pause_ms, written);
    }
    ledger_writer_disconnect(&l->writer);
    return NULL;
}

/* --- from outside --- */

static void ledger_free(struct ledger *l)
{
    ledger_queue_free(&l->queue);
    ledger_writer_free(&l->writer);
    pacer_free(&l->writing_pacer);
    pacer_free(&l->moving_pacer);
    free(l);
}

static struct ledger *ledger_new(const struct ledger_options *options)
{
    struct ledger *l = calloc(1, sizeof(*l));

    if (!l)
        return NULL;
    l->pause_ms = PAUSE_LEAST_MS; /* at once: what an earlier process left */
    pacer_init(&l->writing_pacer);
    pacer_init(&l->moving_pacer);
    /* both, so that both may be freed */
    int queue_rc = ledger_queue_init(&l->queue);
    int writer_rc = ledger_writer_init(&l->writer, options->store, options->folder);
    l->writer.admitted = options->admitted;
    if (queue_rc < 0 || writer_rc < 0) {
        ledger_free(l);
        return NULL;
    }
    return l;
}

static int start_threads(struct ledger *l)
{
    int rc = -pthread_create(&l->moving, NULL, move, l);

    if (rc < 0)
        return rc;
    rc = -pthread_create(&l->writing, NULL, write_out, l);
    if (rc < 0) {
        pacer_stop(&l->moving_pacer, 0);
        pthread_join(l->moving, NULL);
    }
    return rc;
}

int ledger_start(const struct ledger_options *options, struct ledger **ret)
{
    struct ledger *l = ledger_new(options);

    *ret = NULL;
    if (!l)
        return -ENOMEM;
    int rc = options->workers ? ledger_queue_open(&l->queue, options) : -EINVAL;
    if (rc == OK)
        rc = start_threads(l);
    if (rc < 0) {
        ledger_free(l);
        return rc;
    }
    *ret = l;
    return OK;
}

struct journal *ledger_journal(struct ledger *l, unsigned i)
{
    return ledger_journals_at(&l->queue.journals, i);
}

size_t ledger_backlog(const struct ledger *l)
{
    struct spool_state spool;

    spool_look(l->queue.spool, &spool);
    return ledger_journals_backlog(&l->queue.journals) + (size_t)spool.records;
}

void ledger_look(const struct ledger *l, struct ledger_state *ret)
{
    struct spool_state spool;

    spool_look(l->queue.spool, &spool);
    *ret = (struct ledger_state){
        .in_journals = ledger_journals_backlog(&l->queue.journals),
        .in_spool = spool.records,
        .spool_bytes = spool.bytes,
        .spool_most = spool.most,
        .written = l->writer.written,
        .dropped = ledger_journals_lost(&l->queue.journals) + spool.damaged + l->writer.lost,
        .rejected = l->writer.rejected,
        .failing_since_wall_us = l->failing_since_wall_us,
        .spool_failing_since_wall_us = l->spool_failing_since_wall_us,
        .oldest_wall_us = l->queue.oldest_wall_us,
    };
}

size_t ledger_stop(struct ledger *l, uint64_t limit_ms)
{
    if (!l)
        return 0;
    pacer_stop(&l->writing_pacer, limit_ms);
    pthread_join(l->writing, NULL);
    pacer_stop(&l->moving_pacer, 0);
    pthread_join(l->moving, NULL);
    note_spool(l, ledger_queue_move(&l->queue)); /* safe from a power cut */
    size_t left = ledger_backlog(l);
    ledger_free(l);
    return left;
}
