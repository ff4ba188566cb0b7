/* secrets_admin.c: see secrets_admin.h. */

#include "service/secrets_admin.h"

#include "base/clock.h"
#include "repository/model_repo.h"
#include "repository/provider_repo.h"
#include "repository/repository.h"
#include "service/admin.h"

#include <errno.h>

struct rotation {
    struct admin *a;
    const struct seal *from, *to;
    struct arena arena;
    struct secrets_rotated *told;
};

/* An empty key stays empty. *ret_changed: there was one to be sealed. */
static int seal_anew(struct rotation *r, struct seal_row row, struct slice *sealed,
                     bool *ret_changed)
{
    struct secret key;
    int rc = sealed->len ? seal_open_key(r->from, row, *sealed, &r->arena, &key) : -ENOENT;

    if (rc == -EBADMSG)
        r->told->unreadable++;
    if (rc < 0)
        return rc == -ENOMEM ? rc : OK;
    rc = seal_key(r->to, row, key, &r->arena, sealed);
    secret_forget(key);
    r->told->sealed++;
    *ret_changed = true;
    return rc;
}

static int rotate_providers(struct rotation *r)
{
    struct provider_row *rows;
    size_t n;
    int rc = provider_repo_list(r->a->db, &r->arena, &rows, &n);

    for (size_t i = 0; rc == OK && i < n; i++) {
        bool changed = false;
        rc = seal_anew(r, (struct seal_row){"provider", rows[i].name, 0}, &rows[i].sealed_key,
                       &changed);
        if (rc == OK && changed)
            rc = provider_repo_put(r->a->db, &rows[i], clock_wall_us());
    }
    return rc;
}

static int rotate_targets(struct rotation *r, struct model_row *m, bool *changed)
{
    struct target_row *targets = arena_new_array(&r->arena, struct target_row, m->targets_len);
    int rc = targets ? OK : -ENOMEM;

    for (size_t i = 0; rc == OK && i < m->targets_len; i++) {
        targets[i] = m->targets[i];
        rc = seal_anew(r, (struct seal_row){"target", m->name, i + 1}, &targets[i].sealed_key,
                       changed);
    }
    m->targets = targets;
    return rc;
}

static int rotate_models(struct rotation *r)
{
    struct model_row *rows;
    size_t n;
    int rc = model_repo_list(r->a->db, &r->arena, &rows, &n);

    for (size_t i = 0; rc == OK && i < n; i++) {
        bool changed = false;
        rc = seal_anew(r, (struct seal_row){"model", rows[i].name, 0}, &rows[i].sealed_key,
                       &changed);
        if (rc == OK)
            rc = rotate_targets(r, &rows[i], &changed);
        if (rc == OK && changed)
            rc = model_repo_put(r->a->db, &rows[i]);
    }
    return rc;
}

static int rotate(struct rotation *r, struct installation_keys *keys)
{
    int rc = rotate_providers(r);

    if (rc == OK)
        rc = rotate_models(r);
    return rc == OK ? installation_keys_replace(&r->a->keys, keys, r->a->db) : rc;
}

int secrets_admin_rotate(struct admin *a, struct secret secret_key, struct secrets_rotated *ret)
{
    struct installation_keys keys;
    struct rotation r = {.a = a, .from = &a->keys.seal, .to = &keys.seal, .told = ret};
    int rc = installation_keys_derive(secret_key, &keys);

    *ret = (struct secrets_rotated){0};
    if (rc == OK && memcmp(keys.fingerprint, a->keys.fingerprint, sizeof(keys.fingerprint)) == 0)
        rc = -EALREADY;
    if (rc == OK)
        rc = admin_begin(a);
    if (rc == OK) {
        arena_init(&r.arena, 0);
        rc = repository_end(a->db, rotate(&r, &keys));
        arena_clear(&r.arena);
    }
    installation_keys_wipe(&keys);
    return rc;
}
