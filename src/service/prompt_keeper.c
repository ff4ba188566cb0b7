/* prompt_keeper.c: see prompt_keeper.h.
 *
 * The thread takes what waits in batches. A batch is prepared once and written in one transaction;
 * while the store is away it is tried again. When the store refuses a batch for what is in it, its
 * rows go singly, and those that are refused are given up. */

#include "service/prompt_keeper.h"

#include "base/log.h"
#include "repository/prompt_repo.h"
#include "repository/repository.h"
#include "service/cache_room.h"
#include "service/pacer.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BATCH_ROWS = 64,
    BATCH_BYTES = 4 << 20,
    BATCH_MEMORY = 1 << 30, /* for the work on one batch; a limit, not a need */
    IDLE_MS = 60000,        /* who hands the first one over wakes it */
    RETRY_MS = 1000,
    PATIENCE_MS = 2000,
};

struct batch {
    struct list drafts;
    struct prompt rows[BATCH_ROWS]; /* of those that could be prepared */
    size_t len;
    struct arena arena;
};

struct prompt_keeper {
    char *store;
    const atomic_bool *admitted; /* see struct prompt_keeper_options */
    atomic_uint mode;
    size_t text_bytes;
    int (*prepare)(const void *owner, struct prompt *p, struct arena *a);
    const void *owner;
    struct prompt_figures figures;
    struct cache_room room;
    pthread_mutex_t lock; /* of line */
    struct list line;
    struct pacer pacer;
    pthread_t thread;

    /* the thread's own */
    struct batch batch;
    struct db *db; /* NULL: to be opened */
    bool failing;
};

static void count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

enum prompt_mode prompt_keeper_mode(const struct prompt_keeper *k)
{
    return (enum prompt_mode)atomic_load_explicit(&k->mode, memory_order_relaxed);
}

void prompt_keeper_set_mode(struct prompt_keeper *k, enum prompt_mode mode)
{
    atomic_store_explicit(&k->mode, mode, memory_order_relaxed);
}

const struct prompt_figures *prompt_keeper_figures(const struct prompt_keeper *k)
{
    return k ? &k->figures : NULL;
}

/* --- of one request, on its worker --- */

struct prompt_draft *prompt_draft_new(struct prompt_keeper *k, struct slice body)
{
    size_t len = MIN(body.len, k->text_bytes), room = sizeof(struct prompt_draft) + len;
    bool fits = cache_room_take(&k->room, room);
    struct prompt_draft *d = fits ? malloc(room) : NULL;

    if (!d) {
        if (fits)
            cache_room_give(&k->room, room);
        count(&k->figures.dropped, 1);
        return NULL;
    }
    memset(d, 0, sizeof(*d));
    d->room = room;
    d->prompt.mode = prompt_keeper_mode(k);
    d->prompt.cut = len < body.len ? PROMPT_REQUEST_CUT : 0;
    if (len)
        memcpy(d->request, body.at, len);
    d->prompt.request = slice_of(d->request, len);
    buf_init(&d->answer, k->text_bytes);
    return d;
}

/* In steps of doubling, as the buffer grows. */
static bool take_room(struct prompt_keeper *k, struct prompt_draft *d, size_t n)
{
    size_t fixed = sizeof(*d) + d->prompt.request.len, has = d->room - fixed;
    size_t wants = MAX(has, (size_t)1024);

    while (wants < n)
        wants *= 2;
    if (wants == has)
        return true;
    if (!cache_room_take(&k->room, wants - has))
        return false;
    d->room = fixed + wants;
    return true;
}

bool prompt_draft_add(struct prompt_keeper *k, struct prompt_draft *d, const struct slice *spans,
                      size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t fits = MIN(spans[i].len, k->text_bytes - d->answer.len);
        if (fits < spans[i].len)
            d->prompt.cut |= PROMPT_ANSWER_CUT;
        if (fits == 0)
            continue;
        if (!take_room(k, d, d->answer.len + fits) ||
            buf_add(&d->answer, slice_sub(spans[i], 0, fits)) < 0)
            return false;
    }
    return true;
}

static void draft_free(struct prompt_keeper *k, struct prompt_draft *d)
{
    cache_room_give(&k->room, d->room);
    buf_free(&d->answer);
    free(d);
}

void prompt_draft_drop(struct prompt_keeper *k, struct prompt_draft *d, bool lost)
{
    if (!d)
        return;
    if (lost)
        count(&k->figures.dropped, 1);
    draft_free(k, d);
}

static struct slice keep_text(char *at, size_t size, struct slice text)
{
    record_text(at, size, text);
    return slice_str(at);
}

void prompt_draft_hand(struct prompt_keeper *k, struct prompt_draft *d)
{
    struct prompt *p = &d->prompt;

    p->answer = buf_slice(&d->answer);
    p->request_id = keep_text(d->request_id, sizeof(d->request_id), p->request_id);
    p->model = keep_text(d->model, sizeof(d->model), p->model);
    pthread_mutex_lock(&k->lock);
    bool first = list_is_empty(&k->line);
    list_add_tail(&k->line, &d->node);
    pthread_mutex_unlock(&k->lock);
    if (first)
        pacer_wake(&k->pacer);
}

/* --- a batch --- */

static void take_batch(struct prompt_keeper *k)
{
    struct batch *b = &k->batch;
    size_t n = 0, bytes = 0;

    pthread_mutex_lock(&k->lock);
    while (!list_is_empty(&k->line) && n < BATCH_ROWS && bytes < BATCH_BYTES) {
        struct list *node = k->line.next;
        list_remove(node);
        list_add_tail(&b->drafts, node);
        bytes += list_entry(node, struct prompt_draft, node)->room;
        n++;
    }
    pthread_mutex_unlock(&k->lock);
}

static void prepare_batch(struct prompt_keeper *k)
{
    struct batch *b = &k->batch;

    list_for_each(node, &b->drafts)
    {
        struct prompt *p = &b->rows[b->len];
        *p = list_entry(node, struct prompt_draft, node)->prompt;
        if (k->prepare(k->owner, p, &b->arena) < 0)
            count(&k->figures.failed, 1);
        else
            b->len++;
    }
}

static void end_batch(struct prompt_keeper *k)
{
    struct batch *b = &k->batch;

    list_for_each_safe(node, &b->drafts)
    {
        list_remove(node);
        draft_free(k, list_entry(node, struct prompt_draft, node));
    }
    arena_clear(&b->arena);
    b->len = 0;
}

/* The store took its time to say that it does not like what is in it. */
static bool is_refusal(int rc)
{
    return rc == -EINVAL || rc == -EEXIST;
}

static int write_singly(struct prompt_keeper *k)
{
    struct batch *b = &k->batch;

    while (b->len > 0) {
        int rc = prompt_repo_put(k->db, &b->rows[b->len - 1], 1);
        if (rc < 0 && !is_refusal(rc))
            return rc;
        count(rc == OK ? &k->figures.stored : &k->figures.failed, 1);
        b->len--;
    }
    return OK;
}

static int write_batch(struct prompt_keeper *k)
{
    struct batch *b = &k->batch;
    int rc = b->len ? prompt_repo_put(k->db, b->rows, b->len) : OK;

    if (is_refusal(rc))
        return write_singly(k);
    if (rc == OK)
        count(&k->figures.stored, b->len);
    return rc;
}

/* --- the thread --- */

static void tell(struct prompt_keeper *k, int rc, const char *why)
{
    if (rc < 0 && !k->failing)
        log_event(LOG_WARN, "prompts wait: the store failed", LOG_RC(rc), LOG_STR("why", why),
                  LOG_END);
    if (rc == OK && k->failing)
        log_event(LOG_INFO, "prompts are stored again", LOG_END);
    k->failing = rc < 0;
}

static int open_store(struct prompt_keeper *k, char why[REPOSITORY_WHY])
{
    if (k->admitted && !atomic_load(k->admitted)) {
        snprintf(why, REPOSITORY_WHY, "whose store it is has not been seen yet");
        return -ENOTCONN;
    }
    return k->db ? OK : repository_open(slice_str(k->store), why, &k->db);
}

static int try_batch(struct prompt_keeper *k)
{
    char why[REPOSITORY_WHY];
    int rc = open_store(k, why);

    if (rc < 0) {
        tell(k, rc, why);
        return rc;
    }
    repository_set_patience(k->db, PATIENCE_MS);
    rc = write_batch(k);
    tell(k, rc, repository_error(k->db));
    if (rc == OK || rc == -EBUSY)
        return rc;
    repository_close(k->db);
    k->db = NULL;
    return rc;
}

/* Everything that waits; negative: the store is away, a batch is left. */
static int work(struct prompt_keeper *k)
{
    for (;;) {
        if (list_is_empty(&k->batch.drafts)) {
            take_batch(k);
            if (list_is_empty(&k->batch.drafts))
                return OK;
            prepare_batch(k);
        }
        int rc = try_batch(k);
        if (rc < 0)
            return rc;
        end_batch(k);
    }
}

static void *keeper_run(void *arg)
{
    struct prompt_keeper *k = arg;
    int rc = OK;

    pthread_setname_np(pthread_self(), "prompts");
    while (pacer_wait(&k->pacer, rc < 0 ? RETRY_MS : IDLE_MS) != PACER_STOPPED)
        rc = work(k);
    /* what came last; once, since the pause of a pacer that is stopped is none */
    if (pacer_left_ms(&k->pacer) > 0)
        work(k);
    repository_close(k->db);
    return NULL;
}

/* --- beginning and end --- */

static void drop_all(struct prompt_keeper *k)
{
    uint64_t n = k->batch.len;

    end_batch(k);
    list_for_each_safe(node, &k->line)
    {
        list_remove(node);
        draft_free(k, list_entry(node, struct prompt_draft, node));
        n++;
    }
    if (n)
        log_event(LOG_WARN, "prompts are lost: the store is away", LOG_U64("prompts", n), LOG_END);
}

static void keeper_free(struct prompt_keeper *k)
{
    drop_all(k);
    pthread_mutex_destroy(&k->lock);
    pacer_free(&k->pacer);
    free(k->store);
    free(k);
}

int prompt_keeper_start(const struct prompt_keeper_options *options, struct prompt_keeper **ret)
{
    struct prompt_keeper *k = calloc(1, sizeof(*k));

    *ret = NULL;
    if (!k)
        return -ENOMEM;
    k->admitted = options->admitted;
    k->mode = options->mode;
    k->text_bytes = options->text_bytes;
    k->room.most = options->queue_bytes;
    k->prepare = options->prepare;
    k->owner = options->owner;
    list_init(&k->line);
    list_init(&k->batch.drafts);
    arena_init(&k->batch.arena, BATCH_MEMORY);
    pthread_mutex_init(&k->lock, NULL);
    pacer_init(&k->pacer);
    k->store = strndup(options->store.at ? options->store.at : "", options->store.len);
    int rc = k->store ? -pthread_create(&k->thread, NULL, keeper_run, k) : -ENOMEM;
    if (rc < 0) {
        keeper_free(k);
        return rc;
    }
    *ret = k;
    return OK;
}

void prompt_keeper_stop(struct prompt_keeper *k, uint64_t limit_ms)
{
    if (!k)
        return;
    pacer_stop(&k->pacer, limit_ms);
    pthread_join(k->thread, NULL);
    keeper_free(k);
}
