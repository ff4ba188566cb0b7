/* admin_providers.c: providers, as administrators see them. Their keys are sealed as soon as they
 * are here, and nothing opens them again for an answer. */

#include "base/clock.h"
#include "repository/model_repo.h"
#include "repository/provider_repo.h"
#include "router/key_places.h"
#include "router/provider_types.h"
#include "service/admin_kind.h"

#include <errno.h>

static int find(struct admin *a, struct slice name, struct arena *arena, void *ret)
{
    return provider_repo_find(a->db, name, arena, ret);
}

static int page(struct admin *a, const struct page_wish *wish, struct arena *arena, void **ret,
                size_t *ret_len)
{
    struct provider_row *rows;
    int rc = provider_repo_page(a->db, wish, arena, &rows, ret_len);

    *ret = rows;
    return rc;
}

static struct slice name_of(const void *row, struct arena *arena)
{
    const struct provider_row *p = row;

    return arena_copy(arena, p->name);
}

static int may_change(struct admin_change *c, const void *row)
{
    const struct provider_row *p = row;

    return p->from_file ? admin_refuse_file_entry(c, "provider", p->name) : OK;
}

/* --- what must hold --- */

static int check_type(struct admin_change *c, const struct provider_row *p)
{
    if (provider_type_is_known(p->type))
        return OK;
    struct slice types = provider_types_text(c->arena);
    return admin_refuse(c, FAULT_INVALID_VALUE, SLICE("type"),
                        arena_printf(c->arena,
                                     "Invalid value for 'type': there is no type %.*s; allowed: "
                                     "%.*s.",
                                     SLICE_FMT(p->type), SLICE_FMT(types)));
}

static int check_settings(struct admin_change *c, const struct provider_row *p)
{
    const char *lacks = provider_type_lacks(p);

    if (!lacks)
        return OK;
    return admin_refuse(
        c, FAULT_MISSING_MEMBER, slice_str(lacks),
        arena_printf(c->arena, "A provider of type %.*s needs '%s'.", SLICE_FMT(p->type), lacks));
}

/* --- changing --- */

/* All providers, with p in the place of the one of that name, or behind them. */
static int with_provider(const struct provider_row *rows, size_t *n, const struct provider_row *p,
                         struct arena *arena, const struct provider_row **ret)
{
    struct provider_row *all = arena_new_array(arena, struct provider_row, *n + 1);
    size_t at = 0;

    if (!all)
        return -ENOMEM;
    if (*n)
        memcpy(all, rows, *n * sizeof(*all));
    while (at < *n && !slice_eq(all[at].name, p->name))
        at++;
    all[at] = *p;
    *n = MAX(*n, at + 1);
    *ret = all;
    return OK;
}

static int refuse_move(struct admin_change *c, const struct key_move *move)
{
    if (move->of_provider)
        return admin_refuse(
            c, FAULT_MISSING_MEMBER, SLICE("api_key"),
            arena_printf(c->arena,
                         "The stored key would go to %.*s, where it does not go now: with another "
                         "'base_url' or 'type' give the 'api_key' in the same change.",
                         SLICE_FMT(move->to)));
    return admin_refuse(
        c, FAULT_IN_USE, SLICE("base_url"),
        arena_printf(
            c->arena,
            "The stored key of the model %.*s would go to %.*s, where it does not go now: "
            "give the model an 'endpoint' of its own first, take its key away, or delete it.",
            SLICE_FMT(move->model), SLICE_FMT(move->to)));
}

/* Also when it is new: models may wait for a provider of that name. */
static int keep_keys(struct admin *a, struct admin_change *c, const struct provider_row *p)
{
    const struct page_wish of_it = {.limit = INT64_MAX, .filter[MODEL_FILTER_PROVIDER] = p->name};
    struct registry_rows before, after;
    struct provider_row *providers;
    struct model_row *models;
    struct key_move move;
    int rc = provider_repo_list(a->db, c->arena, &providers, &before.providers_len);

    if (rc == OK)
        rc = model_repo_page(a->db, &of_it, c->arena, &models, &before.models_len);
    if (rc != OK)
        return rc;
    before.providers = providers;
    before.models = models;
    after = before;
    rc = with_provider(providers, &after.providers_len, p, c->arena, &after.providers);
    if (rc != OK)
        return rc;
    rc = key_places_compare(&before, &after, c->arena, &move);
    return rc == KEY_MOVES ? refuse_move(c, &move) : rc;
}

static bool may_move(const struct admin_change *c, const struct provider_row *old)
{
    return !old || row_change_has(&c->wanted, offsetof(struct provider_row, base_url)) ||
           row_change_has(&c->wanted, offsetof(struct provider_row, type));
}

/* old: NULL: p is new. */
static int write(struct admin *a, struct admin_change *c, const struct provider_row *old,
                 struct provider_row *p)
{
    int rc = OK;

    if (row_change_has(&c->wanted, offsetof(struct provider_row, api_key)))
        rc = seal_key(&a->keys.seal, (struct seal_row){"provider", p->name, 0}, p->api_key,
                      c->arena, &p->sealed_key);
    if (rc == OK)
        rc = check_type(c, p);
    if (rc == OK)
        rc = check_settings(c, p);
    if (rc == OK && may_move(c, old))
        rc = keep_keys(a, c, p);
    return rc < 0 ? rc : provider_repo_put(a->db, p, clock_wall_us());
}

static int add(struct admin *a, struct admin_change *c, void *to)
{
    struct provider_row *p = to, found;
    int rc = provider_repo_find(a->db, p->name, c->arena, &found);

    if (rc == OK)
        return admin_refuse(
            c, FAULT_ALREADY_EXISTS, SLICE("name"),
            arena_printf(c->arena, "There is a provider %.*s already.", SLICE_FMT(p->name)));
    return rc == -ENOENT ? write(a, c, NULL, p) : rc;
}

static int update(struct admin *a, struct admin_change *c, const void *old, void *to)
{
    return write(a, c, old, to);
}

static int remove_provider(struct admin *a, struct admin_change *c, void *to)
{
    const struct provider_row *p = to;
    struct slice models;
    int rc = model_repo_of_provider(a->db, p->name, c->arena, &models);

    if (rc < 0)
        return rc;
    if (models.len)
        return admin_refuse(c, FAULT_IN_USE, SLICE(""),
                            arena_printf(c->arena, "Models need the provider %.*s: %.*s.",
                                         SLICE_FMT(p->name), SLICE_FMT(models)));
    return provider_repo_delete(a->db, p->name);
}

const struct admin_kind admin_providers = {
    .name = "provider",
    .action = "update",
    .row_size = sizeof(struct provider_row),
    .version_at = offsetof(struct provider_row, version),
    .find = find,
    .page = page,
    .key = name_of,
    .may_change = may_change,
    .add = add,
    .update = update,
    .remove = remove_provider,
};
