/* snapshot_keeper.c: see snapshot_keeper.h.
 *
 * The thread waits for a change, asks the catalog's versions, a question of microseconds, and loads
 * what moved: the keys that changed, providers and models when one of them did. The rest is shared
 * with the snapshot before. */

#include "service/snapshot_keeper.h"

#include "base/clock.h"
#include "base/log.h"
#include "repository/key_repo.h"
#include "repository/repository.h"
#include "router/registry.h"
#include "service/entries.h"
#include "service/key_loading.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { PAUSE_MS = 200, PATIENCE_MS = 1000 };

struct snapshot_keeper {
    struct snapshot_slot *slot;
    char *store;
    struct seal seal;

    pthread_t thread;
    int wake_fd;
    atomic_bool stopping;
    atomic_bool asked; /* load, changed or not */

    /* the thread's own, but for the first load */
    struct db *db;                     /* NULL: to be opened */
    struct repository_versions loaded; /* as published; 0: nothing was */
    bool failing;

    pthread_mutex_t lock; /* of state */
    struct snapshot_state state;
};

/* --- loading --- */

/* What is read before it is published. */
struct fresh {
    struct repository_versions versions;
    struct entries entries;
    bool has_entries;
    struct key_table *keys; /* NULL: none changed */
};

/* Whether what was loaded can be no beginning: there is nothing, a key went without a trace, or the
 * database was set back. */
static bool must_load_all(const struct repository_versions *loaded,
                          const struct repository_versions *now)
{
    return loaded->catalog == 0 || now->keys_gone > loaded->catalog ||
           now->catalog < loaded->catalog;
}

static int read_keys(struct snapshot_keeper *k, struct fresh *f, bool all)
{
    if (all)
        return key_loading_run(k->db, NULL, KEY_REPO_ALL, &f->keys);
    if (f->versions.catalog == k->loaded.catalog)
        return OK;
    const struct snapshot *current = snapshot_take(k->slot);
    int rc = key_loading_run(k->db, current->keys, (int64_t)k->loaded.catalog, &f->keys);
    snapshot_drop(current);
    return rc;
}

static int read_fresh(struct snapshot_keeper *k, struct fresh *f, bool anyway)
{
    int rc = repository_versions(k->db, &f->versions);

    if (rc < 0)
        return rc;
    bool all = must_load_all(&k->loaded, &f->versions);
    f->has_entries = all || anyway || f->versions.registry != k->loaded.registry;
    if (f->has_entries)
        rc = entries_read(&f->entries, k->db);
    return rc < 0 ? rc : read_keys(k, f, all);
}

/* The parts are taken. Nothing new is nothing to publish. */
static int publish_take(struct snapshot_keeper *k, struct fresh *f)
{
    struct registry *registry = NULL;
    struct key_table *keys = f->keys;
    int rc = f->has_entries ? entries_registry(&f->entries, &k->seal, &registry) : OK;

    f->keys = NULL;
    if (rc == OK && (registry || keys))
        return snapshot_publish_take(k->slot, registry, keys);
    key_table_free(keys);
    return rc;
}

static int load(struct snapshot_keeper *k, bool anyway)
{
    struct fresh f = {.has_entries = false};
    int rc = repository_begin_read(k->db);

    if (rc < 0)
        return rc;
    entries_init(&f.entries);
    rc = repository_end(k->db, read_fresh(k, &f, anyway));
    if (rc == OK)
        rc = publish_take(k, &f);
    if (rc == OK)
        k->loaded = f.versions;
    key_table_free(f.keys);
    entries_clear(&f.entries);
    return rc;
}

/* --- looking --- */

static int open_store(struct snapshot_keeper *k, char why[REPOSITORY_WHY])
{
    int rc = k->db ? OK : repository_open(slice_str(k->store), why, &k->db);

    if (rc == OK)
        repository_set_patience(k->db, PATIENCE_MS);
    return rc;
}

static int load_if_changed(struct snapshot_keeper *k, bool anyway)
{
    uint64_t version;
    int rc = repository_catalog_version(k->db, &version);

    if (rc < 0)
        return rc;
    return anyway || version != k->loaded.catalog ? load(k, anyway) : OK;
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
    const struct snapshot *current = snapshot_take(k->slot);
    size_t models = 0;

    pthread_mutex_lock(&k->lock);
    struct snapshot_state *s = &k->state;
    s->failing = rc < 0;
    if (rc == OK) {
        s->source = SNAPSHOT_OF_DATABASE;
        s->version = k->loaded.catalog;
        s->true_wall_us = clock_wall_us();
    }
    if (current) {
        registry_models(current->registry, &models);
        s->keys = key_table_len(current->keys);
        s->models = models;
    }
    pthread_mutex_unlock(&k->lock);
    snapshot_drop(current);
}

static int look(struct snapshot_keeper *k, bool anyway)
{
    char why[REPOSITORY_WHY] = "";
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

/* --- the thread --- */

static void wait_change(struct snapshot_keeper *k)
{
    struct pollfd fd = {k->wake_fd, POLLIN, 0};
    uint64_t n;

    if (poll(&fd, 1, PAUSE_MS) > 0 && read(k->wake_fd, &n, sizeof(n)) < 0)
        return;
}

static void *keeper_run(void *arg)
{
    struct snapshot_keeper *k = arg;

    for (;;) {
        wait_change(k);
        if (atomic_load(&k->stopping))
            return NULL;
        snapshot_sweep(k->slot);
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
    repository_close(k->db);
    seal_wipe(&k->seal);
    if (k->wake_fd >= 0)
        close(k->wake_fd);
    pthread_mutex_destroy(&k->lock);
    free(k->store);
    free(k);
}

static struct snapshot_keeper *keeper_new(const struct snapshot_keeper_options *options)
{
    struct snapshot_keeper *k = calloc(1, sizeof(*k));

    if (!k)
        return NULL;
    k->slot = options->slot;
    pthread_mutex_init(&k->lock, NULL);
    k->wake_fd = eventfd(0, EFD_CLOEXEC);
    k->store = strndup(options->store.at ? options->store.at : "", options->store.len);
    if (!k->store || k->wake_fd < 0 || seal_init(&k->seal, options->secret_key) < 0) {
        keeper_free(k);
        return NULL;
    }
    return k;
}

int snapshot_keeper_start(const struct snapshot_keeper_options *options,
                          struct snapshot_keeper **ret)
{
    struct snapshot_keeper *k = keeper_new(options);

    *ret = NULL;
    if (!k)
        return -ENOMEM;
    int loaded = look(k, true);
    int rc = -pthread_create(&k->thread, NULL, keeper_run, k);
    if (rc < 0) {
        keeper_free(k);
        return rc;
    }
    *ret = k;
    return loaded;
}

void snapshot_keeper_reload(struct snapshot_keeper *k)
{
    atomic_store(&k->asked, true);
    wake(k);
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
