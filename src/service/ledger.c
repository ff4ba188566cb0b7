/* ledger.c: see ledger.h.
 *
 * The thread sleeps, writes out what all journals hold in batches of one transaction each, and
 * sleeps again: so long that the next batch is worth a transaction, never longer than 200 ms.
 * Nobody wakes it: the road makes no system call for a record. */

#include "service/ledger.h"

#include "base/clock.h"
#include "base/log.h"
#include "repository/repository.h"
#include "repository/usage_repo.h"
#include "service/journal.h"
#include "service/journal_folder.h"
#include "service/pacer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCH = 1024, /* records of one transaction, about */
    PIECE = 64,   /* of them are copied at once: few enough to stay in the cache */
    PAUSE_LEAST_MS = 5,
    PAUSE_MOST_MS = 200,
    RETRY_LEAST_MS = 100,
    RETRY_MOST_MS = 5000,
    PATIENCE_MS = 500, /* for another process' lock; the retries come on top */
};

struct source {
    struct journal *journal;
    char *left_over; /* the path, to be removed when it is empty; NULL: a worker's */
    size_t taken;    /* records of it in the transaction */
};

struct ledger {
    struct source *sources;
    size_t len, cap;
    char *store;
    int lock; /* of the folder */

    pthread_t thread;
    struct pacer pacer;

    /* the thread's own */
    struct db *db; /* NULL: to be opened */
    struct record *piece;
    size_t first; /* the source that begins the next batch: none is starved */
    uint64_t pause_ms;

    /* of ledger_look; the thread writes them */
    _Atomic uint64_t written, failing_since_wall_us, oldest_wall_us;
};

/* --- the thread: one batch --- */

static bool is_failing(const struct ledger *l)
{
    return l->failing_since_wall_us != 0;
}

/* Adds what a journal holds to the transaction, until that is large enough. */
static int take(struct ledger *l, struct source *s, size_t *total)
{
    size_t n = PIECE;
    int rc = OK;

    while (rc == OK && n == PIECE && *total < BATCH) {
        n = journal_read(s->journal, s->taken, l->piece, PIECE);
        rc = n ? usage_repo_add(l->db, l->piece, n) : OK;
        if (n && *total == 0)
            l->oldest_wall_us = l->piece[0].created_wall_us;
        s->taken += n;
        *total += n;
    }
    return rc;
}

static int take_all(struct ledger *l, size_t *total)
{
    int rc = OK;

    for (size_t i = 0; i < l->len; i++)
        l->sources[i].taken = 0;
    for (size_t i = 0; rc == OK && i < l->len; i++)
        rc = take(l, &l->sources[(l->first + i) % l->len], total);
    l->first = l->first + 1 < l->len ? l->first + 1 : 0;
    return rc;
}

static void advance(struct ledger *l)
{
    for (size_t i = 0; i < l->len; i++) {
        struct source *s = &l->sources[i];
        journal_advance(s->journal, s->taken);
        if (s->left_over && journal_backlog(s->journal) == 0) {
            unlink(s->left_over);
            free(s->left_over);
            s->left_over = NULL;
        }
    }
}

static void tell_failure(struct ledger *l, int rc, const char *why)
{
    if (is_failing(l))
        return;
    log_event(LOG_WARN, "usage records wait: the database cannot be written to", LOG_RC(rc),
              LOG_STR("why", why), LOG_U64("records", ledger_backlog(l)), LOG_END);
    l->failing_since_wall_us = clock_wall_us();
}

static void tell_success(struct ledger *l)
{
    if (is_failing(l))
        log_event(LOG_INFO, "usage records are written again", LOG_END);
    l->failing_since_wall_us = 0;
}

static int open_store(struct ledger *l)
{
    char why[REPOSITORY_WHY];
    int rc = repository_open(slice_str(l->store), why, &l->db);

    if (rc < 0)
        tell_failure(l, rc, why);
    else
        repository_set_patience(l->db, PATIENCE_MS);
    return rc;
}

/* One transaction. */
static int put_batch(struct ledger *l, size_t *ret_written)
{
    *ret_written = 0;
    int rc = l->db ? OK : open_store(l);
    if (rc < 0)
        return rc;
    rc = repository_begin_append(l->db);
    if (rc == OK)
        rc = repository_end(l->db, take_all(l, ret_written));
    if (rc < 0) {
        tell_failure(l, rc, repository_error(l->db));
        repository_close(l->db);
        l->db = NULL;
        return rc;
    }
    advance(l);
    l->written += *ret_written;
    l->oldest_wall_us = 0;
    tell_success(l);
    return OK;
}

/* What is there now; *ret_written counts. to_the_last: else a last small batch is left to the next
 * round, so that a steady trickle does not keep the thread busy. */
static int drain(struct ledger *l, bool to_the_last, size_t *ret_written)
{
    size_t n = BATCH;
    int rc = OK;

    *ret_written = 0;
    while (rc == OK && (n >= BATCH || (to_the_last && n > 0))) {
        n = 0;
        if (ledger_backlog(l) > 0)
            rc = put_batch(l, &n);
        *ret_written += n;
    }
    return rc;
}

/* --- the thread: when --- */

/* So that the next round finds about a batch. */
static uint64_t next_pause(uint64_t pause_ms, size_t written)
{
    uint64_t pause = written ? pause_ms * BATCH / written : PAUSE_MOST_MS;

    return MIN(MAX(pause, (uint64_t)PAUSE_LEAST_MS), (uint64_t)PAUSE_MOST_MS);
}

static uint64_t next_retry(uint64_t pause_ms, bool failing_already)
{
    uint64_t pause = failing_already ? pause_ms * 2 : RETRY_LEAST_MS;

    return MIN(MAX(pause, (uint64_t)RETRY_LEAST_MS), (uint64_t)RETRY_MOST_MS);
}

/* True: the ledger stops, and this round is one of its last. */
static bool pause_or_stop(struct ledger *l)
{
    if (pacer_wait(&l->pacer, l->pause_ms) != PACER_STOPPED)
        return false;
    if (is_failing(l)) {
        uint64_t ms = MIN(l->pause_ms, (uint64_t)RETRY_LEAST_MS);
        struct timespec rest = {.tv_nsec = (long)ms * 1000000};
        nanosleep(&rest, NULL);
    }
    return true;
}

static void *ledger_run(void *arg)
{
    struct ledger *l = arg;

    for (;;) {
        bool stopping = pause_or_stop(l), failing = is_failing(l);
        size_t written;
        int rc = drain(l, stopping, &written);
        if (stopping && (rc == OK || pacer_left_ms(&l->pacer) == 0))
            break;
        l->pause_ms = rc < 0 ? next_retry(l->pause_ms, failing) : next_pause(l->pause_ms, written);
    }
    repository_close(l->db);
    l->db = NULL;
    return NULL;
}

/* --- from outside --- */

/* left_over: the path of a journal without a worker, or NULL. */
static int add_source(struct ledger *l, const char *path, size_t bytes, bool left_over)
{
    if (l->len == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 8;
        struct source *grown = realloc(l->sources, cap * sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        l->sources = grown;
        l->cap = cap;
    }
    struct source s = {.left_over = left_over ? strdup(path) : NULL};
    if (left_over && !s.left_over)
        return -ENOMEM;
    int rc = journal_open(path, bytes, &s.journal);
    if (rc < 0) {
        log_event(LOG_ERROR, "journal cannot be opened", LOG_STR("file", path), LOG_RC(rc),
                  LOG_END);
        free(s.left_over);
        return rc;
    }
    l->sources[l->len++] = s;
    return OK;
}

struct left_overs {
    struct ledger *ledger;
    size_t bytes;
};

static int found_left_over(void *arg, const char *path)
{
    struct left_overs *o = arg;

    return add_source(o->ledger, path, o->bytes, true);
}

static int open_journals(struct ledger *l, const struct ledger_options *options)
{
    struct left_overs o = {l, options->journal_bytes};
    char path[JOURNAL_PATH];
    int rc = journal_folder_lock(options->folder, &l->lock);

    for (unsigned i = 0; rc == OK && i < options->workers; i++) {
        rc = journal_folder_path(options->folder, i, path);
        if (rc == OK)
            rc = add_source(l, path, options->journal_bytes, false);
    }
    if (rc == OK)
        rc = journal_folder_each_from(options->folder, options->workers, found_left_over, &o);
    return rc;
}

static void ledger_free(struct ledger *l)
{
    for (size_t i = 0; i < l->len; i++) {
        journal_close(l->sources[i].journal);
        free(l->sources[i].left_over);
    }
    if (l->lock >= 0)
        close(l->lock);
    pacer_free(&l->pacer);
    free(l->sources);
    free(l->store);
    free(l->piece);
    free(l);
}

static struct ledger *ledger_new(const struct ledger_options *options)
{
    struct ledger *l = calloc(1, sizeof(*l));

    if (!l)
        return NULL;
    l->lock = -1;
    l->pause_ms = PAUSE_LEAST_MS; /* at once: what an earlier process left */
    pacer_init(&l->pacer);
    l->store = strndup(options->store.at ? options->store.at : "", options->store.len);
    l->piece = calloc(PIECE, sizeof(*l->piece));
    if (!l->store || !l->piece) {
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
    int rc = options->workers ? open_journals(l, options) : -EINVAL;
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
    return l->sources[i].journal;
}

size_t ledger_backlog(const struct ledger *l)
{
    size_t n = 0;

    for (size_t i = 0; i < l->len; i++)
        n += journal_backlog(l->sources[i].journal);
    return n;
}

void ledger_look(const struct ledger *l, struct ledger_state *ret)
{
    *ret = (struct ledger_state){
        .in_journals = ledger_backlog(l),
        .written = l->written,
        .failing_since_wall_us = l->failing_since_wall_us,
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
