/* admin_providers.c: providers, as administrators see them. Their keys are sealed as soon as they
 * are here, and nothing opens them again for an answer. */

#include "base/clock.h"
#include "repository/model_repo.h"
#include "repository/provider_repo.h"
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

static int write(struct admin *a, struct admin_change *c, struct provider_row *p)
{
    int rc = OK;

    if (row_change_has(&c->wanted, offsetof(struct provider_row, api_key)))
        rc = seal_key(&a->keys.seal, (struct seal_row){"provider", p->name, 0}, p->api_key,
                      c->arena, &p->sealed_key);
    if (rc == OK)
        rc = check_type(c, p);
    if (rc == OK)
        rc = check_settings(c, p);
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
    return rc == -ENOENT ? write(a, c, p) : rc;
}

static int update(struct admin *a, struct admin_change *c, const void *old, void *to)
{
    (void)old;
    return write(a, c, to);
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
