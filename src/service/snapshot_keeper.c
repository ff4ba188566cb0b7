/* snapshot_keeper.c: see snapshot_keeper.h.
 *
 * The thread reads the catalog's version five times a second, a question of microseconds that works
 * alike for changes of this process and of others, and loads everything when the version moved. */

#include "service/snapshot_keeper.h"

#include "base/log.h"
#include "repository/key_repo.h"
#include "repository/model_repo.h"
#include "repository/provider_repo.h"
#include "repository/repository.h"
#include "router/registry.h"
#include "service/key_service.h"
#include "service/pacer.h"
#include "service/seal.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

enum { PAUSE_MS = 200, PATIENCE_MS = 1000 };

struct snapshot_keeper {
    struct snapshot_slot *slot;
    char *store;
    struct seal seal;

    pthread_t thread;
    struct pacer pacer; /* woken: load, changed or not */

    /* the thread's own, but for the first load */
    struct db *db;    /* NULL: to be opened */
    uint64_t version; /* of the catalog as published; 0: nothing was */
    bool failing;
};

/* --- loading --- */

/* What was read, before it becomes a snapshot; in one arena. */
struct catalog {
    struct arena arena;
    uint64_t version;
    struct key_row *keys;
    size_t keys_len;
    struct provider_row *providers;
    size_t providers_len;
    struct model_row *models;
    size_t models_len;
};

static int read_catalog(struct db *db, struct catalog *c)
{
    int rc = repository_catalog_version(db, &c->version);

    if (rc == OK)
        rc = key_repo_list(db, &c->arena, &c->keys, &c->keys_len);
    if (rc == OK)
        rc = provider_repo_list(db, &c->arena, &c->providers, &c->providers_len);
    if (rc == OK)
        rc = model_repo_list(db, &c->arena, &c->models, &c->models_len);
    return rc;
}

static void tell_sealed(const char *what, struct slice name)
{
    log_event(LOG_ERROR,
              "a key in the store cannot be opened: it was sealed under another secret_key; the "
              "entry is left out until its key is given again",
              LOG_SLICE(what, name), LOG_END);
}

/* An entry whose key cannot be opened is left out: without it the provider would refuse every call
 * and nobody would know why. */
static int open_providers(struct snapshot_keeper *k, struct catalog *c)
{
    size_t kept = 0;

    for (size_t i = 0; i < c->providers_len; i++) {
        struct provider_row *p = &c->providers[i];
        int rc = seal_open_key(&k->seal, (struct seal_row){"provider", p->name, 0}, p->sealed_key,
                               &c->arena, &p->api_key);
        if (rc == -ENOMEM)
            return rc;
        if (rc < 0)
            tell_sealed("provider", p->name);
        else
            c->providers[kept++] = *p;
    }
    c->providers_len = kept;
    return OK;
}

static void wipe_key(struct secret key)
{
    struct slice text = secret_reveal(key);

    if (text.len)
        secret_wipe((void *)(uintptr_t)text.at, text.len);
}

static void wipe_model(const struct model_row *m)
{
    wipe_key(m->api_key);
    for (size_t i = 0; i < m->targets_len; i++)
        wipe_key(m->targets[i].api_key);
}

/* Targets whose keys open, in their order. A model of which none is left is left out: without them
 * it would stand for itself. */
static int open_targets(struct snapshot_keeper *k, struct model_row *m, struct arena *a)
{
    struct target_row *rows = arena_new_array(a, struct target_row, m->targets_len);
    size_t kept = 0, len = m->targets_len;
    const struct target_row *stored = m->targets;

    if (!rows)
        return -ENOMEM;
    m->targets = rows;
    for (size_t i = 0; i < len; i++) {
        rows[kept] = stored[i];
        int rc = seal_open_key(&k->seal, (struct seal_row){"target", m->name, i + 1},
                               stored[i].sealed_key, a, &rows[kept].api_key);
        if (rc == -ENOMEM)
            return rc;
        if (rc < 0)
            tell_sealed("target_of", m->name);
        else
            kept++;
    }
    m->targets_len = kept;
    return len && !kept ? -EBADMSG : OK;
}

static int open_model(struct snapshot_keeper *k, struct model_row *m, struct arena *a)
{
    int rc = seal_open_key(&k->seal, (struct seal_row){"model", m->name, 0}, m->sealed_key, a,
                           &m->api_key);

    if (rc == OK)
        return open_targets(k, m, a);
    m->targets_len = 0; /* none was opened */
    if (rc != -ENOMEM)
        tell_sealed("model", m->name);
    return rc;
}

static int open_models(struct snapshot_keeper *k, struct catalog *c)
{
    size_t kept = 0;

    for (size_t i = 0; i < c->models_len; i++) {
        struct model_row *m = &c->models[i];
        int rc = open_model(k, m, &c->arena);
        if (rc == -ENOMEM)
            return rc;
        if (rc < 0)
            wipe_model(m);
        else
            c->models[kept++] = *m;
    }
    c->models_len = kept;
    return OK;
}

static int publish(struct snapshot_keeper *k, struct catalog *c)
{
    struct registry_rows rows = {c->providers, c->providers_len, c->models, c->models_len};
    struct registry_fault *faults;
    struct registry *registry;
    struct key_table *keys;
    size_t faults_len;
    int rc = registry_new(&rows, &c->arena, &registry, &faults, &faults_len);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < faults_len; i++)
        log_event(LOG_WARN, "an entry of the store is left out", LOG_SLICE("what", faults[i].what),
                  LOG_END);
    rc = key_table_new(c->keys, c->keys_len, &keys);
    if (rc < 0) {
        registry_free(registry);
        return rc;
    }
    return snapshot_publish_take(k->slot, registry, keys);
}

static void wipe_keys(struct catalog *c)
{
    for (size_t i = 0; i < c->providers_len; i++)
        wipe_key(c->providers[i].api_key);
    for (size_t i = 0; i < c->models_len; i++)
        wipe_model(&c->models[i]);
}

static int load(struct snapshot_keeper *k)
{
    struct catalog c = {.version = 0};
    int rc = repository_begin_read(k->db);

    if (rc < 0)
        return rc;
    arena_init(&c.arena, 0);
    rc = repository_end(k->db, read_catalog(k->db, &c));
    if (rc == OK)
        rc = open_providers(k, &c);
    if (rc == OK)
        rc = open_models(k, &c);
    if (rc == OK)
        rc = publish(k, &c);
    if (rc == OK)
        k->version = c.version;
    wipe_keys(&c);
    arena_clear(&c.arena);
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
    return anyway || version != k->version ? load(k) : OK;
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

static int look(struct snapshot_keeper *k, bool anyway)
{
    char why[REPOSITORY_WHY] = "";
    int rc = open_store(k, why);
    bool is_open = rc == OK;

    if (is_open)
        rc = load_if_changed(k, anyway);
    tell(k, rc, is_open ? repository_error(k->db) : why);
    if (is_open && rc < 0) {
        repository_close(k->db);
        k->db = NULL;
    }
    return rc;
}

/* --- the thread --- */

static void *keeper_run(void *arg)
{
    struct snapshot_keeper *k = arg;
    enum pacer_end end;

    while ((end = pacer_wait(&k->pacer, PAUSE_MS)) != PACER_STOPPED)
        look(k, end == PACER_WOKEN);
    return NULL;
}

static void keeper_free(struct snapshot_keeper *k)
{
    repository_close(k->db);
    seal_wipe(&k->seal);
    pacer_free(&k->pacer);
    free(k->store);
    free(k);
}

static struct snapshot_keeper *keeper_new(const struct snapshot_keeper_options *options)
{
    struct snapshot_keeper *k = calloc(1, sizeof(*k));

    if (!k)
        return NULL;
    k->slot = options->slot;
    pacer_init(&k->pacer);
    k->store = strndup(options->store.at ? options->store.at : "", options->store.len);
    if (!k->store || seal_init(&k->seal, options->secret_key) < 0) {
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
    pacer_wake(&k->pacer);
}

void snapshot_keeper_stop(struct snapshot_keeper *k)
{
    if (!k)
        return;
    pacer_stop(&k->pacer, 0);
    pthread_join(k->thread, NULL);
    keeper_free(k);
}
