/* admin_models.c: models, as administrators see them. */

#include "base/clock.h"
#include "repository/model_repo.h"
#include "repository/provider_repo.h"
#include "repository/repository.h"
#include "router/registry.h"
#include "service/admin_kind.h"

#include <errno.h>

static int find(struct admin *a, struct slice name, struct arena *arena, void *ret)
{
    return model_repo_find(a->db, name, arena, ret);
}

static int page(struct admin *a, const struct page_wish *wish, struct arena *arena, void **ret,
                size_t *ret_len)
{
    struct model_row *rows;
    int rc = repository_begin_read(a->db); /* a model and its targets as of one time */

    if (rc < 0)
        return rc;
    rc = repository_end(a->db, model_repo_page(a->db, wish, arena, &rows, ret_len));
    *ret = rows;
    return rc;
}

static struct slice name_of(const void *row, struct arena *arena)
{
    const struct model_row *m = row;

    return arena_copy(arena, m->name);
}

static int may_change(struct admin_change *c, const void *row)
{
    const struct model_row *m = row;

    return m->from_file ? admin_refuse_file_entry(c, "model", m->name) : OK;
}

/* --- what must hold --- */

static int refuse_value(struct admin_change *c, struct slice param, struct slice message)
{
    return admin_refuse(c, FAULT_INVALID_VALUE, param, message);
}

static int check_provider(struct admin *a, struct admin_change *c, struct slice param,
                          struct slice name)
{
    struct provider_row found;
    int rc = name.len ? provider_repo_find(a->db, name, c->arena, &found) : OK;

    if (rc != -ENOENT)
        return rc;
    return refuse_value(c, param,
                        arena_printf(c->arena, "There is no provider %.*s.", SLICE_FMT(name)));
}

static int refuse_no_provider(struct admin_change *c, struct slice param)
{
    return admin_refuse(c, FAULT_MISSING_MEMBER, param,
                        SLICE("A model needs a 'provider', or one in each of its 'targets'."));
}

static int check_targets(struct admin *a, struct admin_change *c, const struct model_row *m)
{
    int rc = OK;

    for (size_t i = 0; rc == OK && i < m->targets_len; i++) {
        struct slice param = arena_printf(c->arena, "targets[%zu].provider", i);
        if (!param.at)
            return -ENOMEM;
        if (slice_is_empty(m->provider) && slice_is_empty(m->targets[i].provider))
            return refuse_no_provider(c, param);
        rc = check_provider(a, c, param, m->targets[i].provider);
    }
    return rc;
}

static int check_fallback(struct admin *a, struct admin_change *c, const struct model_row *m)
{
    struct slice rest = m->fallback;
    struct model_row found;

    if (m->fallback_on.len && !rest.len)
        return refuse_value(c, SLICE("fallback_on"),
                            SLICE("'fallback_on' says when, but there is no 'fallback'."));
    while (rest.len) {
        struct slice name = slice_cut(&rest, ',');
        if (slice_eq(name, m->name))
            return refuse_value(c, SLICE("fallback"), SLICE("A model cannot fall back on itself."));
        int rc = model_repo_find(a->db, name, c->arena, &found);
        if (rc == -ENOENT)
            return refuse_value(c, SLICE("fallback"),
                                arena_printf(c->arena, "There is no model %.*s.", SLICE_FMT(name)));
        if (rc < 0)
            return rc;
    }
    return OK;
}

static struct secret stand_in(struct secret key, struct slice sealed)
{
    return secret_is_empty(key) ? secret_of(sealed) : key;
}

/* The model with something for each key that is sealed: targets may differ by nothing else. */
static int with_keys(struct admin_change *c, const struct model_row *m, struct model_row *ret)
{
    struct target_row *targets = arena_new_array(c->arena, struct target_row, m->targets_len);

    if (!targets)
        return -ENOMEM;
    *ret = *m;
    ret->api_key = stand_in(m->api_key, m->sealed_key);
    ret->targets = targets;
    for (size_t i = 0; i < m->targets_len; i++) {
        targets[i] = m->targets[i];
        targets[i].api_key = stand_in(targets[i].api_key, targets[i].sealed_key);
    }
    return OK;
}

/* What would keep the model out of a snapshot: a provider without an address, a target that is
 * there twice. */
static int check_registry(struct admin *a, struct admin_change *c, const struct model_row *m)
{
    struct registry_fault *faults;
    struct registry *registry;
    struct provider_row *providers;
    struct model_row alone;
    size_t n, faults_len;
    int rc = provider_repo_list(a->db, c->arena, &providers, &n);

    if (rc == OK)
        rc = with_keys(c, m, &alone);
    if (rc < 0)
        return rc;
    alone.fallback = (struct slice){0};
    const struct registry_rows rows = {providers, n, &alone, 1};
    rc = registry_new(&rows, c->arena, &registry, &faults, &faults_len);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < faults_len; i++)
        if (slice_starts(faults[i].what, SLICE("model ")))
            rc = refuse_value(c, SLICE(""), faults[i].what);
    registry_free(registry);
    return rc;
}

static int check(struct admin *a, struct admin_change *c, const struct model_row *m)
{
    int rc = check_provider(a, c, SLICE("provider"), m->provider);

    if (rc == OK && m->targets_len == 0 && slice_is_empty(m->provider))
        rc = refuse_no_provider(c, SLICE("provider"));
    if (rc == OK)
        rc = check_targets(a, c, m);
    if (rc == OK)
        rc = check_fallback(a, c, m);
    return rc < 0 ? rc : check_registry(a, c, m);
}

/* --- changing --- */

static int seal(struct admin *a, struct admin_change *c, struct model_row *m)
{
    int rc = OK;

    if (row_change_has(&c->wanted, offsetof(struct model_row, api_key)))
        rc = seal_key(&a->keys.seal, (struct seal_row){"model", m->name, 0}, m->api_key, c->arena,
                      &m->sealed_key);
    if (rc == OK && row_change_has(&c->wanted, offsetof(struct model_row, targets)))
        rc = registry_admin_seal_targets(a, m, c->arena, &m->targets);
    return rc;
}

static int write(struct admin *a, struct admin_change *c, struct model_row *m)
{
    int rc = check(a, c, m);

    if (rc == OK)
        rc = seal(a, c, m);
    m->updated_wall_us = clock_wall_us();
    return rc < 0 ? rc : model_repo_put(a->db, m);
}

static int add(struct admin *a, struct admin_change *c, void *to)
{
    struct model_row *m = to, found;
    int rc = model_repo_find(a->db, m->name, c->arena, &found);

    if (rc == OK)
        return admin_refuse(
            c, FAULT_ALREADY_EXISTS, SLICE("name"),
            arena_printf(c->arena, "There is a model %.*s already.", SLICE_FMT(m->name)));
    m->created_wall_us = clock_wall_us();
    return rc == -ENOENT ? write(a, c, m) : rc;
}

static int update(struct admin *a, struct admin_change *c, const void *old, void *to)
{
    (void)old;
    return write(a, c, to);
}

static int remove_model(struct admin *a, struct admin_change *c, void *to)
{
    const struct model_row *m = to;
    struct slice others;
    int rc = model_repo_falling_back_on(a->db, m->name, c->arena, &others);

    if (rc < 0)
        return rc;
    if (others.len)
        return admin_refuse(c, FAULT_IN_USE, SLICE(""),
                            arena_printf(c->arena, "Models fall back on %.*s: %.*s.",
                                         SLICE_FMT(m->name), SLICE_FMT(others)));
    return model_repo_delete(a->db, m->name);
}

const struct admin_kind admin_models = {
    .name = "model",
    .action = "update",
    .row_size = sizeof(struct model_row),
    .version_at = offsetof(struct model_row, version),
    .find = find,
    .page = page,
    .key = name_of,
    .may_change = may_change,
    .add = add,
    .update = update,
    .remove = remove_model,
};
