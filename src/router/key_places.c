/* key_places.c: see key_places.h.
 *
 * The registry knows where each key goes. It is built of the rows before and of those after the
 * change, a key's sealed bytes standing for the key: what is sealed anew is another key. Each
 * provider gets a model of its own, so that its key has a place even if nothing uses it. */

#include "router/key_places.h"

#include "http/client.h"

#include <errno.h>

/* What stands for a key that the change gave; nothing sealed is so short. */
#define GIVEN "given"

static struct secret stand_in(struct secret given, struct slice sealed)
{
    return secret_of(secret_is_empty(given) ? sealed : SLICE(GIVEN));
}

static int stand_in_targets(struct model_row *m, struct arena *a)
{
    struct target_row *targets = arena_new_array(a, struct target_row, m->targets_len);

    if (!targets)
        return -ENOMEM;
    for (size_t i = 0; i < m->targets_len; i++) {
        targets[i] = m->targets[i];
        targets[i].api_key = stand_in(targets[i].api_key, targets[i].sealed_key);
    }
    m->targets = targets;
    return OK;
}

/* A name that no model can have, and that is in front of all others. */
static struct slice own_model(struct slice provider, struct arena *a)
{
    return arena_printf(a, " %.*s", SLICE_FMT(provider));
}

static int build(const struct registry_rows *rows, struct arena *a, struct registry **ret)
{
    size_t n = rows->providers_len, faults_len;
    struct provider_row *providers = arena_new_array(a, struct provider_row, n);
    struct model_row *models = arena_new_array(a, struct model_row, n + rows->models_len);
    struct registry_fault *faults;
    int rc = providers && models ? OK : -ENOMEM;

    for (size_t i = 0; rc == OK && i < n; i++) {
        providers[i] = rows->providers[i];
        providers[i].api_key = stand_in(providers[i].api_key, providers[i].sealed_key);
        models[i].provider = providers[i].name;
        models[i].name = own_model(providers[i].name, a);
        rc = models[i].name.at ? OK : -ENOMEM;
    }
    for (size_t i = 0; rc == OK && i < rows->models_len; i++) {
        struct model_row *m = &models[n + i];
        *m = rows->models[i];
        m->api_key = stand_in(m->api_key, m->sealed_key);
        rc = stand_in_targets(m, a);
    }
    if (rc < 0)
        return rc;
    const struct registry_rows standing = {providers, n, models, n + rows->models_len};
    return registry_new(&standing, a, ret, &faults, &faults_len);
}

/* Whether a target of the model, which may be NULL, sends the same key to the same place. */
static bool has(const struct registry_model *model, const struct target *wanted)
{
    for (size_t i = 0; model && i < model->targets_len; i++) {
        const struct target *t = &model->targets[i];
        if (slice_eq(t->origin->key, wanted->origin->key) &&
            secret_is_same(t->api_key, wanted->api_key))
            return true;
    }
    return false;
}

/* own: of the target's provider; NULL: it has no address. */
static int tell(const struct target *moved, const struct registry_model *own, struct arena *a,
                struct key_move *ret)
{
    bool is_own = own && slice_eq(moved->model, own->name);

    *ret = (struct key_move){
        .model = is_own ? SLICE("") : arena_copy(a, moved->model),
        .provider = arena_copy(a, moved->provider),
        .to = arena_copy(a, moved->origin->key),
        .of_provider = own && secret_is_same(moved->api_key, own->targets[0].api_key),
    };
    return ret->model.at && ret->provider.at && ret->to.at ? KEY_MOVES : -ENOMEM;
}

static int compare_target(const struct registry *before, const struct registry *after,
                          const struct target *t, struct arena *a, struct key_move *ret)
{
    struct slice own = own_model(t->provider, a);

    if (!own.at)
        return -ENOMEM;
    if (secret_is_empty(t->api_key) || secret_is_same(t->api_key, secret_of(SLICE(GIVEN))) ||
        has(registry_find(before, t->model), t) || has(registry_find(before, own), t))
        return OK;
    return tell(t, registry_find(after, own), a, ret);
}

static int compare(const struct registry *before, const struct registry *after, struct arena *a,
                   struct key_move *ret)
{
    size_t n;
    const struct registry_model *const *models = registry_models(after, &n);
    int rc = OK;

    for (size_t i = 0; rc == OK && i < n; i++)
        for (size_t j = 0; rc == OK && j < models[i]->targets_len; j++)
            rc = compare_target(before, after, &models[i]->targets[j], a, ret);
    return rc;
}

int key_places_compare(const struct registry_rows *before, const struct registry_rows *after,
                       struct arena *a, struct key_move *ret)
{
    struct registry *was = NULL, *is = NULL;
    int rc = build(before, a, &was);

    if (rc == OK)
        rc = build(after, a, &is);
    if (rc == OK)
        rc = compare(was, is, a, ret);
    registry_free(is);
    registry_free(was);
    return rc;
}
