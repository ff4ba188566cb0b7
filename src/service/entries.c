/* entries.c: see entries.h. */

#include "service/entries.h"

#include "base/log.h"
#include "repository/model_repo.h"
#include "repository/provider_repo.h"
#include "router/registry.h"
#include "service/row_coder.h"

#include <errno.h>

enum { ROW_MOST = 64 << 20 };

void entries_init(struct entries *e)
{
    *e = (struct entries){.providers = NULL};
    arena_init(&e->arena, 0);
}

int entries_read(struct entries *e, struct db *db)
{
    int rc = provider_repo_list(db, &e->arena, &e->providers, &e->providers_len);

    return rc < 0 ? rc : model_repo_list(db, &e->arena, &e->models, &e->models_len);
}

/* --- what is too large --- */

static void tell_large(const char *what, struct slice name)
{
    enum { SHOWN = 64 };

    log_event(LOG_ERROR, "an entry of the store is left out: a text of it is too long",
              LOG_SLICE(what, slice_sub(name, 0, MIN(name.len, (size_t)SHOWN))), LOG_END);
}

static int pack_provider(struct buf *packed, struct provider_row row)
{
    struct row_coder c = {.out = packed};

    buf_reset(packed);
    row_code_provider(&c, &row);
    return c.rc;
}

static int pack_model(struct buf *packed, struct model_row row)
{
    struct row_coder c = {.out = packed};

    buf_reset(packed);
    row_code_model(&c, &row);
    return c.rc;
}

/* Whether it fits, as rc of packing it says. */
static bool keep(int rc, const char *what, struct slice name)
{
    if (rc < 0 && rc != -ENOMEM)
        tell_large(what, name);
    return rc == OK;
}

int entries_leave_out_large(struct entries *e)
{
    size_t providers = 0, models = 0;
    struct buf packed;
    int rc = OK;

    buf_init(&packed, ROW_MOST);
    for (size_t i = 0; rc != -ENOMEM && i < e->providers_len; i++) {
        rc = pack_provider(&packed, e->providers[i]);
        if (keep(rc, "provider", e->providers[i].name))
            e->providers[providers++] = e->providers[i];
    }
    for (size_t i = 0; rc != -ENOMEM && i < e->models_len; i++) {
        rc = pack_model(&packed, e->models[i]);
        if (keep(rc, "model", e->models[i].name))
            e->models[models++] = e->models[i];
    }
    buf_free(&packed);
    e->providers_len = providers;
    e->models_len = models;
    return rc == -ENOMEM ? rc : OK;
}

/* --- opening --- */

static void tell_sealed(const char *what, struct slice name)
{
    log_event(LOG_ERROR,
              "a key in the store cannot be opened: it was sealed under another secret_key; the "
              "entry is left out until its key is given again",
              LOG_SLICE(what, name), LOG_END);
}

/* An entry whose key cannot be opened is left out: without it the provider would refuse every call
 * and nobody would know why. */
static int open_providers(struct entries *e, const struct seal *seal)
{
    size_t kept = 0;

    for (size_t i = 0; i < e->providers_len; i++) {
        struct provider_row *p = &e->providers[i];
        int rc = seal_open_key(seal, (struct seal_row){"provider", p->name, 0}, p->sealed_key,
                               &e->arena, &p->api_key);
        if (rc == -ENOMEM)
            return rc;
        if (rc < 0)
            tell_sealed("provider", p->name);
        else
            e->providers[kept++] = *p;
    }
    e->providers_len = kept;
    return OK;
}

static void wipe_model(const struct model_row *m)
{
    secret_forget(m->api_key);
    for (size_t i = 0; i < m->targets_len; i++)
        secret_forget(m->targets[i].api_key);
}

/* Targets whose keys open, in their order. A model of which none is left is left out: without them
 * it would stand for itself. */
static int open_targets(const struct seal *seal, struct model_row *m, struct arena *a)
{
    struct target_row *rows = arena_new_array(a, struct target_row, m->targets_len);
    size_t kept = 0, len = m->targets_len;
    const struct target_row *stored = m->targets;

    if (!rows)
        return -ENOMEM;
    m->targets = rows;
    for (size_t i = 0; i < len; i++) {
        rows[kept] = stored[i];
        int rc = seal_open_key(seal, (struct seal_row){"target", m->name, i + 1},
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

static int open_model(const struct seal *seal, struct model_row *m, struct arena *a)
{
    int rc =
        seal_open_key(seal, (struct seal_row){"model", m->name, 0}, m->sealed_key, a, &m->api_key);

    if (rc == OK)
        return open_targets(seal, m, a);
    m->targets_len = 0; /* none was opened */
    if (rc != -ENOMEM)
        tell_sealed("model", m->name);
    return rc;
}

static int open_models(struct entries *e, const struct seal *seal)
{
    size_t kept = 0;

    for (size_t i = 0; i < e->models_len; i++) {
        struct model_row *m = &e->models[i];
        int rc = open_model(seal, m, &e->arena);
        if (rc == -ENOMEM)
            return rc;
        if (rc < 0)
            wipe_model(m);
        else
            e->models[kept++] = *m;
    }
    e->models_len = kept;
    return OK;
}

/* --- the registry --- */

static int make_registry(struct entries *e, struct registry **ret)
{
    struct registry_rows rows = {e->providers, e->providers_len, e->models, e->models_len};
    struct registry_fault *faults;
    size_t faults_len;
    int rc = registry_new(&rows, &e->arena, ret, &faults, &faults_len);

    for (size_t i = 0; rc == OK && i < faults_len; i++)
        log_event(LOG_WARN, "an entry of the store is left out", LOG_SLICE("what", faults[i].what),
                  LOG_END);
    return rc;
}

int entries_registry(struct entries *e, const struct seal *seal, struct registry **ret)
{
    int rc = open_providers(e, seal);

    *ret = NULL;
    if (rc == OK)
        rc = open_models(e, seal);
    return rc < 0 ? rc : make_registry(e, ret);
}

void entries_clear(struct entries *e)
{
    for (size_t i = 0; i < e->providers_len; i++)
        secret_forget(e->providers[i].api_key);
    for (size_t i = 0; i < e->models_len; i++)
        wipe_model(&e->models[i]);
    arena_clear(&e->arena);
}
