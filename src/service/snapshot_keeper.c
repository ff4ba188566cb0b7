/* snapshot_keeper.c: see snapshot_keeper.h.
 *
 * The thread waits until the database tells of a change, asks the catalog's versions, a question of
 * microseconds, and loads what moved: the keys that changed, providers and models when one of them
 * did. The rest is shared with the snapshot before. */

#include "service/snapshot_keeper.h"

#include "base/clock.h"
#include "base/log.h"
#include "repository/repository.h"
#include "router/registry.h"
#include "service/key_table.h"
#include "service/snapshot_loader.h"
#include "service/snapshot_saver.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { WATCH_MS = 1000, RETRY_MS = 500, PATIENCE_MS = 1000, OFFER_MS = 10 * 60 * 1000 };

struct snapshot_keeper {
    char *store;
    char *file; /* NULL: none */
    struct sealed_key file_key;
    struct snapshot_saver *saver; /* of the file */
    uint64_t max_age_ms;

    pthread_t thread;
    int wake_fd;
    atomic_bool stopping;
    atomic_bool asked;    /* load, changed or not */
    atomic_bool admitted; /* the database may be read */

    /* the thread's own, but for the first load */
    struct db *db; /* NULL: to be opened */
    struct snapshot_loader loader;
    bool failing, rotated;
    uint64_t offered_ms; /* to the saver */
    uint64_t question_us, schema;

    pthread_mutex_t lock; /* of state */
    pthread_cond_t noted; /* the state was renewed */
    struct snapshot_state state;
};

/* --- looking --- */

/* For the file: what was published, and when it was still true. Takes packed. */
static void offer_take(struct snapshot_keeper *k, struct buf *packed)
{
    struct snapshot_stamp stamp = {.version = k->loader.loaded.catalog,
                                   .true_wall_us = clock_wall_us()};

    if (!k->saver)
        return;
    memcpy(stamp.hash_key, k->loader.keys.hash_key, sizeof(stamp.hash_key));
    snapshot_saver_offer_take(k->saver, snapshot_take(k->loader.slot), packed, stamp);
    k->offered_ms = clock_now_ms();
}

static void tell_rotated(struct snapshot_keeper *k)
{
    if (k->loader.rotated && !k->rotated)
        log_event(LOG_ERROR,
                  "the secret_key was rotated: providers and models stay as they were loaded until "
                  "this courier is restarted with the new one",
                  LOG_END);
    k->rotated = k->loader.rotated;
}

static int load(struct snapshot_keeper *k, bool anyway)
{
    struct buf packed = {.at = NULL};
    int rc = snapshot_loader_read(&k->loader, k->db, anyway, k->saver ? &packed : NULL);

    tell_rotated(k);
    if (rc < 0)
        buf_free(&packed);
    else
        offer_take(k, packed.at ? &packed : NULL);
    return rc;
}

static int open_store(struct snapshot_keeper *k, char why[REPOSITORY_WHY])
{
    int rc = k->db ? OK : repository_open(slice_str(k->store), why, &k->db);

    if (rc == OK)
        repository_set_patience(k->db, PATIENCE_MS);
    if (rc == OK && !k->schema && repository_schema(k->db, &k->schema) < 0)
        k->schema = 0; /* told by nobody else; what is wrong shows at the next question */
    return rc;
}

static int load_if_changed(struct snapshot_keeper *k, bool anyway)
{
    const struct repository_versions *loaded = &k->loader.loaded;
    uint64_t asked_us = clock_now_us();
    struct repository_versions now;
    int rc = repository_versions(k->db, &now);

    if (rc < 0)
        return rc;
    k->question_us = clock_now_us() - asked_us;
    if (anyway || now.catalog != loaded->catalog || now.origin != loaded->origin)
        return load(k, anyway);
    if (clock_now_ms() - k->offered_ms >= OFFER_MS)
        offer_take(k, NULL);
    return OK;
}

static void tell(struct snapshot_keeper *k, int rc, const char *why)
{
    if (rc < 0 && !k->failing)
        log_event(LOG_ERROR, "keys, providers and models cannot be loaded; what was loaded stays",
                  LOG_RC(rc), LOG_STR("why", why), LOG_END);
    if (rc == OK && k->failing)
        log_event(LOG_INFO, "keys, providers and models are loaded again", LOG_END);
    k->failing = rc < 0;
}

static void note_state(struct snapshot_keeper *k, int rc)
{
    const struct snapshot *current = snapshot_take(k->loader.slot);
    size_t models = 0;

    pthread_mutex_lock(&k->lock);
    struct snapshot_state *s = &k->state;
    if (s->failing != (rc < 0) || !s->since_wall_us)
        s->since_wall_us = clock_wall_us();
    s->failing = rc < 0;
    s->question_us = k->question_us;
    s->schema = k->schema;
    if (rc == OK) {
        s->source = SNAPSHOT_OF_DATABASE;
        s->version = k->loader.loaded.catalog;
        s->true_wall_us = clock_wall_us();
    }
    if (current) {
        registry_models(current->registry, &models);
        s->keys = key_table_len(current->keys);
        s->models = models;
    }
    pthread_cond_broadcast(&k->noted);
    pthread_mutex_unlock(&k->lock);
    snapshot_drop(current);
}

static int look(struct snapshot_keeper *k, bool anyway)
{
    char why[REPOSITORY_WHY] = "";

    if (!atomic_load(&k->admitted))
        return -ENOTCONN;
    int rc = open_store(k, why);
    bool is_open = rc == OK;

    if (is_open)
        rc = load_if_changed(k, anyway);
    tell(k, rc, is_open ? repository_error(k->db) : why);
    note_state(k, rc);
    if (is_open && rc < 0) {
        repository_close(k->db);
        k->db = NULL;
    }
    return rc;
}

/* --- the file --- */

static void tell_file(struct snapshot_keeper *k, int rc, const struct snapshot_stamp *stamp)
{
    uint64_t now = clock_wall_us();
    uint64_t age_s = now > stamp->true_wall_us ? (now - stamp->true_wall_us) / 1000000 : 0;

    if (rc == OK)
        log_event(LOG_WARN, "the database is away: serving from the snapshot file",
                  LOG_STR("file", k->file), LOG_U64("age_s", age_s), LOG_END);
    else if (rc == -ENOENT)
        log_event(LOG_WARN, "the database is away, and there is no snapshot file to serve from",
                  LOG_STR("file", k->file), LOG_END);
    else if (rc == -ESTALE)
        log_event(LOG_ERROR, "the snapshot file is older than snapshot.max_age: it is not served",
                  LOG_STR("file", k->file), LOG_U64("age_s", age_s), LOG_END);
    else
        log_event(LOG_ERROR,
                  "the snapshot file cannot be used: it is damaged, or was sealed under another "
                  "secret_key or by another release",
                  LOG_STR("file", k->file), LOG_RC(rc), LOG_END);
}

static void note_file(struct snapshot_keeper *k, const struct snapshot_stamp *stamp)
{
    note_state(k, -ENOTCONN);
    pthread_mutex_lock(&k->lock);
    k->state.source = SNAPSHOT_OF_FILE;
    k->state.version = stamp->version;
    k->state.true_wall_us = stamp->true_wall_us;
    pthread_mutex_unlock(&k->lock);
}

/* --- the thread --- */

/* Until something changed, somebody woke, or it is time to see whether the database is there. */
static void wait_change(struct snapshot_keeper *k)
{
    struct pollfd fd = {k->wake_fd, POLLIN, 0};
    uint64_t n;

    if (!k->db || repository_wait_change(k->db, k->wake_fd, WATCH_MS) < 0)
        poll(&fd, 1, RETRY_MS);
    while (read(k->wake_fd, &n, sizeof(n)) < 0 && errno == EINTR)
        ;
}

static void *keeper_run(void *arg)
{
    struct snapshot_keeper *k = arg;

    for (;;) {
        wait_change(k);
        if (atomic_load(&k->stopping))
            return NULL;
        snapshot_sweep(k->loader.slot);
        look(k, atomic_exchange(&k->asked, false));
    }
}

static void wake(struct snapshot_keeper *k)
{
    uint64_t one = 1;
    ssize_t rc;

    do
        rc = write(k->wake_fd, &one, sizeof(one));
    while (rc < 0 && errno == EINTR);
}

static void keeper_free(struct snapshot_keeper *k)
{
    snapshot_saver_stop(k->saver);
    repository_close(k->db);
    installation_keys_wipe(&k->loader.keys);
    secret_wipe(&k->file_key, sizeof(k->file_key));
    free(k->file);
    if (k->wake_fd >= 0)
        close(k->wake_fd);
    pthread_cond_destroy(&k->noted);
    pthread_mutex_destroy(&k->lock);
    free(k->store);
    free(k);
}

static int set_up(struct snapshot_keeper *k, const struct snapshot_keeper_options *options)
{
    k->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    k->store = strndup(options->store.at ? options->store.at : "", options->store.len);
    k->file = options->file ? strdup(options->file) : NULL;
    if (!k->store || k->wake_fd < 0 || (options->file && !k->file))
        return -ENOMEM;
    int rc = installation_keys_derive(options->secret_key, &k->loader.keys);
    if (rc == OK)
        rc = sealed_key_derive(options->secret_key, &k->file_key);
    return rc;
}

static void init_state(struct snapshot_keeper *k)
{
    pthread_condattr_t monotonic;

    pthread_mutex_init(&k->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&k->noted, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static struct snapshot_keeper *keeper_new(const struct snapshot_keeper_options *options)
{
    struct snapshot_keeper *k = calloc(1, sizeof(*k));

    if (!k)
        return NULL;
    init_state(k);
    k->loader.slot = options->slot;
    k->max_age_ms = options->max_age_ms;
    atomic_init(&k->admitted, !options->unready);
    if (set_up(k, options) < 0) {
        keeper_free(k);
        return NULL;
    }
    return k;
}

/* What the database said last; it is read anew, whole, when the database is back. */
static int load_file(struct snapshot_keeper *k)
{
    struct snapshot_stamp stamp;
    int rc = snapshot_loader_read_file(&k->loader, k->file, &k->file_key, k->max_age_ms, &stamp);

    tell_file(k, rc, &stamp);
    if (rc == OK)
        note_file(k, &stamp);
    return rc;
}

static int first_load(struct snapshot_keeper *k)
{
    int rc = look(k, true);

    return rc < 0 && k->file ? load_file(k) : rc;
}

int snapshot_keeper_start(const struct snapshot_keeper_options *options,
                          struct snapshot_keeper **ret)
{
    struct snapshot_keeper *k = keeper_new(options);

    *ret = NULL;
    if (!k)
        return -ENOMEM;
    int rc = k->file ? snapshot_saver_start(k->file, &k->file_key, &k->saver) : OK;
    int loaded = rc == OK ? first_load(k) : rc;
    if (rc == OK)
        rc = -pthread_create(&k->thread, NULL, keeper_run, k);
    if (rc < 0) {
        keeper_free(k);
        return rc;
    }
    *ret = k;
    return loaded;
}

void snapshot_keeper_admit(struct snapshot_keeper *k)
{
    atomic_store(&k->admitted, true);
    wake(k);
}

void snapshot_keeper_reload(struct snapshot_keeper *k)
{
    atomic_store(&k->asked, true);
    wake(k);
}

void snapshot_keeper_catch_up(struct snapshot_keeper *k, uint64_t version, uint64_t limit_ms)
{
    uint64_t at = clock_now_ms() + limit_ms;
    struct timespec until = {.tv_sec = (time_t)(at / 1000), .tv_nsec = (long)(at % 1000) * 1000000};
    int rc = 0;

    pthread_mutex_lock(&k->lock);
    if (k->state.version < version && !k->state.failing)
        wake(k);
    while (rc == 0 && k->state.version < version && !k->state.failing)
        rc = pthread_cond_timedwait(&k->noted, &k->lock, &until);
    pthread_mutex_unlock(&k->lock);
}

void snapshot_keeper_state(struct snapshot_keeper *k, struct snapshot_state *ret)
{
    pthread_mutex_lock(&k->lock);
    *ret = k->state;
    pthread_mutex_unlock(&k->lock);
}

void snapshot_keeper_stop(struct snapshot_keeper *k)
{
    if (!k)
        return;
    atomic_store(&k->stopping, true);
    wake(k);
    pthread_join(k->thread, NULL);
    keeper_free(k);
}
