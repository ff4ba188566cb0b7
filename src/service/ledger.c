/* ledger.c: see ledger.h.
 *
 * The thread sleeps, writes out what all journals hold in batches of one transaction each, and
 * sleeps again: so long that the next batch is worth a transaction, never longer than 200 ms.
 * Nobody wakes it: the road makes no system call for a record.
 *
 *     journals ──────────────────→ database     [carry]   while the spool is empty
 *     journals → spool → database               [save, carry]   else: first in, first out, because
 *                                               a later record of an id replaces the earlier one */

#include "service/ledger.h"

#include "base/clock.h"
#include "base/log.h"
#include "service/ledger_journals.h"
#include "service/ledger_writer.h"
#include "service/pacer.h"
#include "service/spool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum {
    SAVE_MOST = 4096, /* records between two syncs of the spool */
    PAUSE_LEAST_MS = 5,
    PAUSE_MOST_MS = 200,
    RETRY_LEAST_MS = 100,
    RETRY_MOST_MS = 5000,
};

struct ledger {
    struct ledger_journals journals;
    struct spool *spool;
    struct ledger_writer writer;
    pthread_t thread;
    struct pacer pacer;

    /* the thread's own */
    struct record_taker saver; /* into the spool */
    uint64_t pause_ms;
    uint64_t retry_ms, retry_at_ms; /* while the database is away */
    uint64_t saved_at_ms;

    /* of ledger_look; the thread writes them */
    _Atomic uint64_t failing_since_wall_us, spool_failing_since_wall_us, oldest_wall_us;
};

/* --- how it stands --- */

static bool is_failing(const struct ledger *l)
{
    return l->failing_since_wall_us != 0;
}

static struct record_source *source_of(struct ledger *l)
{
    return spool_is_empty(l->spool) ? &l->journals.source : spool_source(l->spool);
}

struct peek {
    struct record_taker taker;
    uint64_t wall_us;
};

static int peek(struct record_taker *taker, const struct record *records, size_t n)
{
    (void)n;
    container_of(taker, struct peek, taker)->wall_us = records->created_wall_us;
    return OK;
}

static void note_oldest(struct ledger *l)
{
    struct peek p = {.taker.take = peek};
    struct record_source *source = source_of(l);
    size_t n;

    if (is_failing(l) || !spool_is_empty(l->spool))
        source->hand_over(source, &p.taker, 1, &n);
    l->oldest_wall_us = p.wall_us;
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

/* --- from the journals into the spool --- */

static int into_spool(struct record_taker *taker, const struct record *records, size_t n)
{
    return spool_append(container_of(taker, struct ledger, saver)->spool, records, n);
}

/* AGAIN: there is more. */
static int save_some(struct ledger *l)
{
    struct record_source *from = &l->journals.source;
    size_t most = MIN(spool_room(l->spool), (size_t)SAVE_MOST), n;

    if (ledger_journals_backlog(&l->journals) == 0)
        return OK;
    if (most == 0)
        return -ENOBUFS;
    int rc = from->hand_over(from, &l->saver, most, &n);
    if (rc < 0)
        spool_undo(l->spool);
    else
        rc = spool_save(l->spool);
    if (rc < 0)
        return rc;
    from->advance(from);
    return n < most ? OK : AGAIN;
}

static void save(struct ledger *l)
{
    int rc = AGAIN;

    while (rc == AGAIN)
        rc = save_some(l);
    note_spool(l, rc);
    l->saved_at_ms = clock_now_ms();
}

/* What waits in journals while others go first is not safe from a power cut. */
static void save_what_waits(struct ledger *l)
{
    bool filling = ledger_journals_are_filling(&l->journals);

    if (filling || (!spool_is_empty(l->spool) && clock_now_ms() - l->saved_at_ms >= PAUSE_MOST_MS))
        save(l);
}

/* --- into the database --- */

/* What is there now; *ret counts. to_the_last: else a last small batch is left to the next round,
 * so that a steady trickle does not keep the thread busy. */
static int carry(struct ledger *l, bool to_the_last, size_t *ret)
{
    bool more = ledger_backlog(l) > 0 || !spool_is_empty(l->spool);
    int rc = OK;

    *ret = 0;
    while (rc == OK && more) {
        save_what_waits(l);
        bool spooled = !spool_is_empty(l->spool);
        size_t n;
        rc = ledger_writer_put(&l->writer, source_of(l), &n);
        *ret += n;
        bool emptied = spooled && spool_is_empty(l->spool);
        more = emptied ||
               (n > 0 && (n >= LEDGER_BATCH || to_the_last || spooled || l->writer.suspects > 0));
        if (rc == OK)
            note_database(l, OK);
        note_oldest(l);
    }
    note_database(l, rc);
    return rc;
}

/* --- the thread --- */

/* So that the next round finds about a batch. */
static uint64_t next_pause(uint64_t pause_ms, size_t written)
{
    uint64_t pause = written ? pause_ms * LEDGER_BATCH / written : PAUSE_MOST_MS;

    return MIN(MAX(pause, (uint64_t)PAUSE_LEAST_MS), (uint64_t)PAUSE_MOST_MS);
}

static void put_off_retry(struct ledger *l, bool again)
{
    uint64_t ms = again ? l->retry_ms * 2 : RETRY_LEAST_MS;

    l->retry_ms = MIN(ms, (uint64_t)RETRY_MOST_MS);
    l->retry_at_ms = clock_now_ms() + l->retry_ms;
    l->pause_ms = MIN(l->retry_ms, (uint64_t)PAUSE_MOST_MS);
}

/* True: that was the last one. A ledger that stops tries a second time at a database that has just
 * gone away: it may have been another process' lock. */
static bool play_round(struct ledger *l, bool stopping)
{
    bool was_failing = is_failing(l);
    size_t written;

    if (was_failing && !stopping && clock_now_ms() < l->retry_at_ms) {
        save(l);
        return false;
    }
    int rc = carry(l, stopping, &written);
    if (rc < 0) {
        save(l);
        note_oldest(l);
        put_off_retry(l, was_failing);
    } else {
        note_spool(l, OK);
        l->pause_ms = next_pause(l->pause_ms, written);
    }
    return stopping && (rc == OK || was_failing || pacer_left_ms(&l->pacer) == 0);
}

static void *ledger_run(void *arg)
{
    struct ledger *l = arg;
    bool stopping, last = false;

    while (!last) {
        stopping = pacer_wait(&l->pacer, l->pause_ms) == PACER_STOPPED;
        last = play_round(l, stopping);
        if (stopping && !last)
            nanosleep(&(struct timespec){.tv_nsec = RETRY_LEAST_MS * 1000000L}, NULL);
    }
    ledger_writer_disconnect(&l->writer);
    return NULL;
}

/* --- from outside --- */

static void ledger_free(struct ledger *l)
{
    spool_close(l->spool);
    ledger_journals_free(&l->journals);
    ledger_writer_free(&l->writer);
    pacer_free(&l->pacer);
    free(l);
}

static struct ledger *ledger_new(const struct ledger_options *options)
{
    struct ledger *l = calloc(1, sizeof(*l));

    if (!l)
        return NULL;
    l->saver.take = into_spool;
    l->pause_ms = PAUSE_LEAST_MS; /* at once: what an earlier process left */
    pacer_init(&l->pacer);
    /* both, so that both may be freed */
    int journals_rc = ledger_journals_init(&l->journals);
    int writer_rc = ledger_writer_init(&l->writer, options->store, options->folder);
    if (journals_rc < 0 || writer_rc < 0) {
        ledger_free(l);
        return NULL;
    }
    return l;
}

int ledger_start(const struct ledger_options *options, struct ledger **ret)
{
    struct ledger *l = ledger_new(options);

    *ret = NULL;
    if (!l)
        return -ENOMEM;
    int rc = options->workers ? OK : -EINVAL;
    if (rc == OK)
        rc = ledger_journals_open(&l->journals, options->folder, options->workers,
                                  options->journal_bytes);
    if (rc == OK)
        rc = spool_open(options->folder, options->spool_bytes, &l->spool);
    if (rc == OK)
        rc = -pthread_create(&l->thread, NULL, ledger_run, l);
    if (rc < 0) {
        ledger_free(l);
        return rc;
    }
    *ret = l;
    return OK;
}

struct journal *ledger_journal(struct ledger *l, unsigned i)
{
    return ledger_journals_at(&l->journals, i);
}

size_t ledger_backlog(const struct ledger *l)
{
    struct spool_state spool;

    spool_look(l->spool, &spool);
    return ledger_journals_backlog(&l->journals) + (size_t)spool.records;
}

void ledger_look(const struct ledger *l, struct ledger_state *ret)
{
    struct spool_state spool;

    spool_look(l->spool, &spool);
    *ret = (struct ledger_state){
        .in_journals = ledger_journals_backlog(&l->journals),
        .in_spool = spool.records,
        .spool_bytes = spool.bytes,
        .spool_most = spool.most,
        .written = l->writer.written,
        .dropped = ledger_journals_lost(&l->journals) + spool.damaged + l->writer.lost,
        .rejected = l->writer.rejected,
        .failing_since_wall_us = l->failing_since_wall_us,
        .spool_failing_since_wall_us = l->spool_failing_since_wall_us,
        .oldest_wall_us = l->oldest_wall_us,
    };
}

size_t ledger_stop(struct ledger *l, uint64_t limit_ms)
{
    if (!l)
        return 0;
    pacer_stop(&l->pacer, limit_ms);
    pthread_join(l->thread, NULL);
    size_t left = ledger_backlog(l);
    ledger_free(l);
    return left;
}
