/* ledger_queue.c: see ledger_queue.h.
 *
 * While the spool holds anything, what is newer goes through it too: a later record of an id
 * replaces the earlier one, so their order must be kept. */

#include "service/ledger_queue.h"

#include "service/journal.h"
#include "service/ledger.h"

#include <errno.h>
#include <stdlib.h>

enum { MOVE_MOST = 4096 }; /* records between two syncs */

int ledger_queue_init(struct ledger_queue *q)
{
    *q = (struct ledger_queue){.piece = calloc(RECORD_PIECE, sizeof(*q->piece)),
                               .moved = calloc(RECORD_PIECE, sizeof(*q->moved))};
    pthread_mutex_init(&q->lock, NULL);
    ledger_journals_init(&q->journals);
    return q->piece && q->moved ? OK : -ENOMEM;
}

void ledger_queue_free(struct ledger_queue *q)
{
    spool_close(q->spool);
    ledger_journals_free(&q->journals);
    pthread_mutex_destroy(&q->lock);
    free(q->piece);
    free(q->moved);
}

int ledger_queue_open(struct ledger_queue *q, const struct ledger_options *options)
{
    int rc = ledger_journals_open(&q->journals, options->folder, options->workers,
                                  options->journal_bytes);

    if (rc == OK)
        rc = spool_open(options->folder, options->spool_bytes, &q->spool);
    if (rc == OK && spool_read(q->spool, q->piece, 1))
        q->oldest_wall_us = q->piece->created_wall_us;
    return rc;
}

/* --- for the database --- */

static void begin_batch(struct ledger_queue *q)
{
    q->from_spool = !spool_is_empty(q->spool);
    q->begun_at_moves = q->moves;
    if (q->from_spool)
        spool_rewind(q->spool);
    else
        ledger_journals_rewind(&q->journals, FOR_DATABASE);
}

static bool is_stale(const struct ledger_queue *q)
{
    return !q->from_spool && q->moves != q->begun_at_moves;
}

/* Returns how many; -ESTALE. */
static int read_piece(struct ledger_queue *q, size_t most)
{
    size_t n = MIN(most, (size_t)RECORD_PIECE);
    int rc = -ESTALE;

    pthread_mutex_lock(&q->lock);
    if (!is_stale(q))
        rc = (int)(q->from_spool ? spool_read(q->spool, q->piece, n)
                                 : ledger_journals_read(&q->journals, FOR_DATABASE, q->piece, n));
    pthread_mutex_unlock(&q->lock);
    return rc;
}

int ledger_queue_hand_over(struct ledger_queue *q, struct record_taker *taker, size_t most,
                           size_t *ret)
{
    int n = 1, rc = OK;

    pthread_mutex_lock(&q->lock);
    begin_batch(q);
    pthread_mutex_unlock(&q->lock);
    for (*ret = 0; rc == OK && n > 0 && *ret < most;) {
        n = read_piece(q, most - *ret);
        if (n > 0 && *ret == 0)
            q->oldest_wall_us = q->piece->created_wall_us;
        rc = n > 0 ? taker->take(taker, q->piece, (size_t)n) : n;
        *ret += rc == OK ? (size_t)n : 0;
    }
    return rc;
}

bool ledger_queue_advance(struct ledger_queue *q)
{
    pthread_mutex_lock(&q->lock);
    bool stale = is_stale(q);
    if (q->from_spool)
        spool_advance(q->spool);
    else if (!stale)
        ledger_journals_advance(&q->journals, FOR_DATABASE);
    if (spool_is_empty(q->spool))
        q->oldest_wall_us = 0;
    pthread_mutex_unlock(&q->lock);
    return !stale;
}

bool ledger_queue_is_empty(struct ledger_queue *q)
{
    pthread_mutex_lock(&q->lock);
    bool empty = spool_is_empty(q->spool) && ledger_journals_backlog(&q->journals) == 0;
    pthread_mutex_unlock(&q->lock);
    return empty;
}

/* --- into the spool --- */

/* AGAIN: there is more. */
static int append(struct ledger_queue *q, size_t most)
{
    size_t total = 0, n = 1;
    int rc = OK;

    ledger_journals_rewind(&q->journals, FOR_SPOOL);
    while (rc == OK && n > 0 && total < most) {
        n = ledger_journals_read(&q->journals, FOR_SPOOL, q->moved,
                                 MIN(most - total, (size_t)RECORD_PIECE));
        if (n && !q->oldest_wall_us)
            q->oldest_wall_us = q->moved->created_wall_us;
        rc = spool_append(q->spool, q->moved, n);
        total += n;
    }
    return rc < 0 ? rc : total < most ? OK : AGAIN;
}

static int move_some(struct ledger_queue *q)
{
    size_t most = MIN(spool_room(q->spool), (size_t)MOVE_MOST);

    if (ledger_journals_backlog(&q->journals) == 0)
        return OK;
    if (most == 0)
        return -ENOBUFS;
    int more = append(q, most);
    int rc = more < 0 ? more : spool_save(q->spool);
    if (more < 0)
        spool_undo(q->spool);
    if (rc < 0)
        return rc;
    ledger_journals_advance(&q->journals, FOR_SPOOL);
    q->moves++;
    return more;
}

int ledger_queue_move(struct ledger_queue *q)
{
    int rc = AGAIN;

    while (rc == AGAIN) {
        pthread_mutex_lock(&q->lock);
        rc = move_some(q);
        pthread_mutex_unlock(&q->lock);
    }
    return rc;
}

bool ledger_queue_must_move(struct ledger_queue *q)
{
    pthread_mutex_lock(&q->lock);
    bool must = !spool_is_empty(q->spool) || ledger_journals_are_filling(&q->journals);
    pthread_mutex_unlock(&q->lock);
    return must;
}
