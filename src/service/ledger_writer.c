/* ledger_writer.c: see ledger_writer.h. */

#include "service/ledger_writer.h"

#include "service/rejects.h"

#include "base/clock.h"
#include "base/log.h"
#include "repository/repository.h"
#include "repository/usage_repo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PATIENCE_MS = 500, /* for another process' lock */
    STEADY = 8,        /* batches in time, one after the other, before a larger one is tried */
};

_Static_assert((int)LEDGER_WHY >= (int)REPOSITORY_WHY, "the store's words fit");

static int take(struct record_taker *taker, const struct record *records, size_t n)
{
    struct ledger_writer *w = container_of(taker, struct ledger_writer, taker);

    if (w->offered == 0)
        w->first = records->id;
    w->offered += n;
    return usage_repo_add(w->db, records, n);
}

int ledger_writer_init(struct ledger_writer *w, struct slice store, const char *folder)
{
    *w = (struct ledger_writer){
        .taker.take = take,
        .store = strndup(store.at ? store.at : "", store.len),
        .folder = strdup(folder),
        .most = LEDGER_BATCH,
    };
    return w->store && w->folder ? OK : -ENOMEM;
}

void ledger_writer_disconnect(struct ledger_writer *w)
{
    repository_close(w->db);
    w->db = NULL;
}

void ledger_writer_free(struct ledger_writer *w)
{
    ledger_writer_disconnect(w);
    free(w->store);
    free(w->folder);
}

/* --- the connection --- */

static int connect_store(struct ledger_writer *w)
{
    if (w->admitted && !atomic_load(w->admitted)) {
        snprintf(w->why, sizeof(w->why), "whose store it is has not been seen yet");
        return -ENOTCONN;
    }
    int rc = w->db ? OK : repository_open(slice_str(w->store), w->why, &w->db);

    if (rc < 0)
        w->db = NULL;
    else
        repository_set_patience(w->db, PATIENCE_MS);
    return rc;
}

static int fail(struct ledger_writer *w, int rc)
{
    snprintf(w->why, sizeof(w->why), "%s", repository_error(w->db));
    ledger_writer_disconnect(w);
    return rc;
}

/* --- what is refused --- */

/* The values, not the database. */
static bool is_refusal(int rc)
{
    return rc == -EINVAL || rc == -EEXIST;
}

/* Would it take another one? */
static int probe(struct ledger_writer *w)
{
    uint64_t now = clock_wall_us();
    struct record plain;

    memset(&plain, 0, sizeof(plain));
    plain.id = record_id_new(now);
    plain.created_wall_us = now;
    int rc = repository_begin_append(w->db);
    if (rc < 0)
        return rc;
    rc = usage_repo_add(w->db, &plain, 1);
    rc = repository_end(w->db, rc < 0 ? rc : -ECANCELED);
    return rc == -ECANCELED ? OK : rc;
}

struct rejection {
    struct record_taker taker;
    const struct ledger_writer *writer;
};

static int reject(struct record_taker *taker, const struct record *records, size_t n)
{
    struct rejection *r = container_of(taker, struct rejection, taker);

    (void)n;
    if (memcmp(&records->id, &r->writer->first, sizeof(records->id)) != 0)
        return -ESTALE; /* another worker's, of this moment: nobody has refused it */
    return rejects_write(r->writer->folder, records, r->writer->why);
}

/* The record that was refused alone. AGAIN: it is the first of the queue no more. */
static int put_away(struct ledger_writer *w, struct ledger_queue *from, size_t *ret)
{
    struct rejection r = {{reject}, w};

    snprintf(w->why, sizeof(w->why), "%s", repository_error(w->db));
    int rc = probe(w);
    if (rc < 0)
        return fail(w, rc);
    rc = ledger_queue_hand_over(from, &r.taker, 1, ret);
    if (rc == -ESTALE)
        return AGAIN;
    if (rc < 0 && rc != -EFBIG)
        return rc;
    if (w->rejected == 0 || (rc == -EFBIG && w->lost == 0))
        log_event(LOG_ERROR,
                  rc < 0 ? "rejected.jsonl is full: refused usage records are lost"
                         : "the database refuses a usage record: it stands in rejected.jsonl, and "
                           "so will others",
                  LOG_STR("why", w->why), LOG_STR("folder", w->folder), LOG_END);
    *(rc < 0 ? &w->lost : &w->rejected) += 1;
    ledger_queue_advance(from);
    w->suspects = 0;
    *ret = 1;
    return OK;
}

/* --- a batch --- */

/* A batch that takes longer than the database is waited for would take as long the next time. */
static void suit_pace(struct ledger_writer *w, int rc)
{
    if (rc == -ETIMEDOUT && w->offered > 1)
        w->most = MAX(w->offered / 2, (size_t)1);
    w->steady = rc == OK && w->most < LEDGER_BATCH ? w->steady + 1 : 0;
    if (w->steady < STEADY)
        return;
    w->most = MIN(w->most * 2, (size_t)LEDGER_BATCH);
    w->steady = 0;
}

static int transact(struct ledger_writer *w, struct ledger_queue *from, size_t *ret)
{
    size_t most = w->suspects ? MAX(w->suspects / 2, (size_t)1) : w->most;
    int rc = repository_begin_append(w->db);

    w->offered = 0;
    if (rc == OK)
        rc =
            repository_end(w->db, ledger_queue_hand_over(from, &w->taker, MIN(most, w->most), ret));
    suit_pace(w, rc);
    return rc;
}

/* AGAIN: with fewer records, or other ones. */
static int put_once(struct ledger_writer *w, struct ledger_queue *from, size_t *ret)
{
    int rc = transact(w, from, ret);

    if (rc == OK) {
        w->written += *ret; /* first: who sees nothing wait must see it written */
        w->written -= ledger_queue_advance(from) ? 0 : *ret;
        w->suspects -= *ret ? MIN(w->suspects, *ret) : w->suspects;
        return OK;
    }
    if (rc == -ESTALE)
        return AGAIN;
    if (!is_refusal(rc) || w->offered == 0)
        return fail(w, rc);
    if (w->offered == 1)
        return put_away(w, from, ret);
    w->suspects = w->offered;
    return AGAIN;
}

int ledger_writer_put(struct ledger_writer *w, struct ledger_queue *from, size_t *ret)
{
    int rc = connect_store(w);

    if (rc == OK)
        do
            rc = put_once(w, from, ret);
        while (rc == AGAIN);
    if (rc < 0)
        *ret = 0;
    return rc;
}
