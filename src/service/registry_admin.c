/* registry_admin.c: see registry_admin.h.
 *
 * What is as the file says stays untouched: each row that is written makes every instance build its
 * registry anew. Two rows are alike when the snapshot file would hold the same of them, but for
 * their keys, which are compared opened: a key that is sealed twice is two texts. */

#include "service/registry_admin.h"

#include "base/clock.h"
#include "repository/model_repo.h"
#include "repository/provider_repo.h"
#include "repository/repository.h"
#include "service/admin.h"
#include "service/entries.h"
#include "service/row_coder.h"

#include <errno.h>

enum { ROW_MOST = 64 << 20 };

/* One carrying of the file into the store. */
struct carrying {
    struct admin *admin;
    struct entries stored; /* and the memory of all this */
    struct buf is, says;   /* a row as stored, and as the file has it */
};

/* --- alike? --- */

/* Into the row, which is wiped with what is stored. */
static int open_provider(struct carrying *c, struct provider_row *is)
{
    return seal_open_key(&c->admin->keys.seal, (struct seal_row){"provider", is->name, 0},
                         is->sealed_key, &c->stored.arena, &is->api_key);
}

static int open_model(struct carrying *c, struct model_row *is)
{
    const struct seal *seal = &c->admin->keys.seal;
    struct target_row *targets =
        arena_new_array(&c->stored.arena, struct target_row, is->targets_len);
    int rc = targets ? seal_open_key(seal, (struct seal_row){"model", is->name, 0}, is->sealed_key,
                                     &c->stored.arena, &is->api_key)
                     : -ENOMEM;

    for (size_t i = 0; rc == OK && i < is->targets_len; i++) {
        targets[i] = is->targets[i];
        rc = seal_open_key(seal, (struct seal_row){"target", is->name, i + 1},
                           targets[i].sealed_key, &c->stored.arena, &targets[i].api_key);
    }
    if (targets)
        is->targets = targets;
    return rc;
}

static int pack_provider(const struct provider_row *row, struct buf *ret)
{
    struct row_coder coder = {.out = ret};
    struct provider_row plain = *row;

    plain.sealed_key = secret_reveal(row->api_key);
    buf_reset(ret);
    row_code_provider(&coder, &plain);
    return coder.rc;
}

static int pack_model(const struct model_row *row, struct arena *a, struct buf *ret)
{
    struct target_row *targets = arena_new_array(a, struct target_row, row->targets_len);
    struct row_coder coder = {.out = ret};
    struct model_row plain = *row;

    if (!targets)
        return -ENOMEM;
    for (size_t i = 0; i < row->targets_len; i++) {
        targets[i] = row->targets[i];
        targets[i].sealed_key = secret_reveal(row->targets[i].api_key);
    }
    plain.sealed_key = secret_reveal(row->api_key);
    plain.targets = targets;
    plain.created_wall_us = 0;
    buf_reset(ret);
    row_code_model(&coder, &plain);
    return coder.rc;
}

/* What cannot be opened or packed (rc) is not alike. */
static int compare(const struct carrying *c, int rc, bool *ret)
{
    *ret = rc == OK && slice_eq(buf_slice(&c->is), buf_slice(&c->says));
    return rc == -ENOMEM ? rc : OK;
}

static int compare_providers(struct carrying *c, struct provider_row *is,
                             const struct provider_row *says, bool *ret_alike)
{
    int rc = is ? open_provider(c, is) : -ENOENT;

    if (rc == OK)
        rc = pack_provider(is, &c->is);
    if (rc == OK)
        rc = pack_provider(says, &c->says);
    return compare(c, rc, ret_alike);
}

static int compare_models(struct carrying *c, struct model_row *is, const struct model_row *says,
                          bool *ret_alike)
{
    int rc = is ? open_model(c, is) : -ENOENT;

    if (rc == OK)
        rc = pack_model(is, &c->stored.arena, &c->is);
    if (rc == OK)
        rc = pack_model(says, &c->stored.arena, &c->says);
    return compare(c, rc, ret_alike);
}

static struct provider_row *stored_provider(struct carrying *c, struct slice name)
{
    for (size_t i = 0; i < c->stored.providers_len; i++)
        if (slice_eq(c->stored.providers[i].name, name))
            return &c->stored.providers[i];
    return NULL;
}

static struct model_row *stored_model(struct carrying *c, struct slice name)
{
    for (size_t i = 0; i < c->stored.models_len; i++)
        if (slice_eq(c->stored.models[i].name, name))
            return &c->stored.models[i];
    return NULL;
}

/* --- providers --- */

static bool says_provider(const struct provider_row *rows, size_t n, struct slice name)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(rows[i].name, name))
            return true;
    return false;
}

static int put_provider(struct carrying *c, struct provider_row row)
{
    int rc = seal_key(&c->admin->keys.seal, (struct seal_row){"provider", row.name, 0}, row.api_key,
                      &c->stored.arena, &row.sealed_key);

    return rc < 0 ? rc : provider_repo_put(c->admin->db, &row, clock_wall_us());
}

static int carry_provider(struct carrying *c, const struct provider_row *says)
{
    struct provider_row row = *says;
    bool alike;

    row.from_file = true;
    int rc = compare_providers(c, stored_provider(c, says->name), &row, &alike);
    return rc < 0 || alike ? rc : put_provider(c, row);
}

static int carry_providers(struct carrying *c, const struct provider_row *rows, size_t n)
{
    int rc = OK;

    for (size_t i = 0; rc == OK && i < n; i++)
        rc = carry_provider(c, &rows[i]);
    for (size_t i = 0; rc == OK && i < c->stored.providers_len; i++) {
        const struct provider_row *is = &c->stored.providers[i];
        if (is->from_file && !says_provider(rows, n, is->name))
            rc = provider_repo_delete(c->admin->db, is->name);
    }
    return rc;
}

/* --- models --- */

static bool says_model(const struct model_row *rows, size_t n, struct slice name)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(rows[i].name, name))
            return true;
    return false;
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

static int put_model(struct carrying *c, struct model_row row)
{
    struct arena *arena = &c->stored.arena;
    int rc = seal_key(&c->admin->keys.seal, (struct seal_row){"model", row.name, 0}, row.api_key,
                      arena, &row.sealed_key);

    row.created_wall_us = row.updated_wall_us = clock_wall_us();
    if (rc == OK)
        rc = registry_admin_seal_targets(c->admin, &row, arena, &row.targets);
    return rc < 0 ? rc : model_repo_put(c->admin->db, &row);
}

static int carry_model(struct carrying *c, const struct model_row *says)
{
    struct model_row row = *says;
    bool alike;

    row.from_file = true;
    int rc = compare_models(c, stored_model(c, says->name), &row, &alike);
    return rc < 0 || alike ? rc : put_model(c, row);
}

static int carry_models(struct carrying *c, const struct model_row *rows, size_t n)
{
    int rc = OK;

    for (size_t i = 0; rc == OK && i < n; i++)
        rc = carry_model(c, &rows[i]);
    for (size_t i = 0; rc == OK && i < c->stored.models_len; i++) {
        const struct model_row *is = &c->stored.models[i];
        if (is->from_file && !says_model(rows, n, is->name))
            rc = model_repo_delete(c->admin->db, is->name);
    }
    return rc;
}

/* --- both --- */

static void carrying_clear(struct carrying *c)
{
    struct buf *bufs[] = {&c->is, &c->says};

    for (size_t i = 0; i < ARRAY_LEN(bufs); i++) {
        if (bufs[i]->at)
            secret_wipe(bufs[i]->at, bufs[i]->cap);
        buf_free(bufs[i]);
    }
    entries_clear(&c->stored);
}

int registry_admin_seed(struct admin *a, const struct provider_row *providers, size_t providers_len,
                        const struct model_row *models, size_t models_len)
{
    struct carrying c = {.admin = a};
    int rc = admin_begin(a);

    if (rc < 0)
        return rc;
    entries_init(&c.stored);
    buf_init(&c.is, ROW_MOST);
    buf_init(&c.says, ROW_MOST);
    rc = entries_read(&c.stored, a->db);
    if (rc == OK)
        rc = carry_providers(&c, providers, providers_len);
    if (rc == OK)
        rc = carry_models(&c, models, models_len);
    carrying_clear(&c);
    return repository_end(a->db, rc);
}
