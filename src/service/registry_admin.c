/* registry_admin.c: see registry_admin.h. */

#include "service/registry_admin.h"

#include "base/clock.h"
#include "repository/model_repo.h"
#include "repository/provider_repo.h"
#include "repository/repository.h"
#include "service/admin.h"

#include <errno.h>

static int seed_providers(struct admin *a, const struct provider_row *rows, size_t n,
                          struct arena *arena)
{
    int rc = provider_repo_mark_from_file(a->db);

    for (size_t i = 0; rc == OK && i < n; i++) {
        struct provider_row row = rows[i];
        row.from_file = true;
        rc = seal_key(&a->keys.seal, (struct seal_row){"provider", row.name, 0}, row.api_key, arena,
                      &row.sealed_key);
        if (rc == OK)
            rc = provider_repo_put(a->db, &row, clock_wall_us());
    }
    return rc < 0 ? rc : provider_repo_drop_marked(a->db);
}

int registry_admin_seal_targets(struct admin *a, const struct model_row *m, struct arena *arena,
                                const struct target_row **ret)
{
    struct target_row *rows = arena_new_array(arena, struct target_row, m->targets_len);
    int rc = rows ? OK : -ENOMEM;

    for (size_t i = 0; rc == OK && i < m->targets_len; i++) {
        rows[i] = m->targets[i];
        rc = seal_key(&a->keys.seal, (struct seal_row){"target", m->name, i + 1}, rows[i].api_key,
                      arena, &rows[i].sealed_key);
    }
    *ret = rows;
    return rc;
}

static int seed_models(struct admin *a, const struct model_row *rows, size_t n, struct arena *arena)
{
    int rc = model_repo_mark_from_file(a->db);

    for (size_t i = 0; rc == OK && i < n; i++) {
        struct model_row row = rows[i];
        row.from_file = true;
        row.created_wall_us = row.updated_wall_us = clock_wall_us();
        rc = seal_key(&a->keys.seal, (struct seal_row){"model", row.name, 0}, row.api_key, arena,
                      &row.sealed_key);
        if (rc == OK)
            rc = registry_admin_seal_targets(a, &rows[i], arena, &row.targets);
        if (rc == OK)
            rc = model_repo_put(a->db, &row);
    }
    return rc < 0 ? rc : model_repo_drop_marked(a->db);
}

int registry_admin_seed(struct admin *a, const struct provider_row *providers, size_t providers_len,
                        const struct model_row *models, size_t models_len)
{
    struct arena arena;
    int rc = admin_begin(a);

    if (rc < 0)
        return rc;
    arena_init(&arena, 0);
    rc = seed_providers(a, providers, providers_len, &arena);
    if (rc == OK)
        rc = seed_models(a, models, models_len, &arena);
    arena_clear(&arena);
    return repository_end(a->db, rc);
}
