/* admin_keys.c: keys of users, as administrators see them: a deleted one is revoked for good, a
 * rotated one is good in two forms until the old one's time is over. */

#include "base/clock.h"
#include "io/crypto.h"
#include "repository/key_repo.h"
#include "repository/user_repo.h"
#include "service/admin_kind.h"

#include <errno.h>

static void tell_expired(struct key_row *key, uint64_t now)
{
    key->expired = key->expires_wall_us && key->expires_wall_us <= now;
    key->old_over = key->old_until_wall_us <= now;
}

static int find(struct admin *a, struct slice id, struct arena *arena, void *ret)
{
    int rc = key_repo_find_by_id(a->db, admin_id(id), arena, ret);

    if (rc == OK)
        tell_expired(ret, clock_wall_us());
    return rc;
}

static int page(struct admin *a, const struct page_wish *wish, struct arena *arena, void **ret,
                size_t *ret_len)
{
    struct key_row *rows;
    int rc = key_repo_page(a->db, wish, arena, &rows, ret_len);

    for (size_t i = 0; rc == OK && i < *ret_len; i++)
        tell_expired(&rows[i], wish->now_wall_us);
    *ret = rows;
    return rc;
}

static struct slice id_of(const void *row, struct arena *arena)
{
    const struct key_row *key = row;

    return arena_printf(arena, "%lld", (long long)key->id);
}

static bool is_deleted(const void *row)
{
    const struct key_row *key = row;

    return key->revoked;
}

static int may_change(struct admin_change *c, const void *row)
{
    const struct key_row *key = row;

    if (!key->from_file)
        return OK;
    return admin_refuse(c, FAULT_READ_ONLY, SLICE(""),
                        SLICE("This is the configured admin key: change `admin_key` in the "
                              "configuration."));
}

/* --- making --- */

static int check_user(struct admin *a, struct admin_change *c, const struct key_row *key)
{
    struct user_row user;
    int rc = user_repo_find_by_id(a->db, key->user_id, c->arena, &user);

    if (rc != -ENOENT && (rc < 0 || user.deleted_wall_us == 0))
        return rc;
    return admin_refuse(c, FAULT_INVALID_VALUE, SLICE("user_id"),
                        arena_printf(c->arena, "There is no user %lld.", (long long)key->user_id));
}

static int check_expiry(struct admin_change *c, const struct key_row *key)
{
    if (!row_change_has(&c->wanted, offsetof(struct key_row, expires_wall_us)) ||
        key->expires_wall_us == 0 || key->expires_wall_us > clock_wall_us())
        return OK;
    return admin_refuse(c, FAULT_INVALID_VALUE, SLICE("expires_at"),
                        SLICE("'expires_at' must be a time to come, or null for never."));
}

static int add(struct admin *a, struct admin_change *c, void *to)
{
    struct key_row *key = to;
    int rc = check_user(a, c, key);

    if (rc == OK)
        rc = check_expiry(c, key);
    if (rc == OK)
        rc = key_admin_give_token(a, c->arena, key);
    if (rc < 0)
        return rc;
    key->created_wall_us = clock_wall_us();
    return key_repo_add(a->db, key);
}

static void recall_token(const void *written, void *row)
{
    const struct key_row *from = written;
    struct key_row *to = row;

    to->token = from->token;
}

/* --- changing --- */

static int write(struct admin *a, struct admin_change *c, struct key_row *key)
{
    uint64_t lasts;
    int rc = admin_lasts(a, &lasts);

    key->updated_wall_us = clock_wall_us();
    if (rc == OK)
        rc = key_repo_update(a->db, key);
    return rc < 0 ? rc : admin_keep_lasting(a, c, lasts);
}

static int update(struct admin *a, struct admin_change *c, const void *old, void *to)
{
    int rc = check_expiry(c, to);

    (void)old;
    return rc < 0 ? rc : write(a, c, to);
}

static int revoke(struct admin *a, struct admin_change *c, void *to)
{
    struct key_row *key = to;

    key->revoked = true;
    return write(a, c, key);
}

static int rotate(struct admin *a, struct admin_change *c, const void *old, void *to)
{
    const struct key_rotation *asked = c->wanted.row;
    const struct key_row *before = old;
    struct key_row *key = to;
    int rc = key_admin_give_token(a, c->arena, key);

    if (rc < 0)
        return rc;
    key->old_until_wall_us = clock_wall_us() + asked->grace_ms * 1000;
    memcpy(key->old_hash, before->hash, sizeof(key->old_hash));
    return write(a, c, key);
}

#define KEY_KIND(action_, update_)                                                                 \
    {                                                                                              \
        .name = "key", .action = action_, .row_size = sizeof(struct key_row),                      \
        .version_at = offsetof(struct key_row, version), .has_id = true, .find = find,             \
        .page = page, .key = id_of, .is_deleted = is_deleted, .may_change = may_change,            \
        .add = add, .update = update_, .recall = recall_token, .remove = revoke,                   \
    }

const struct admin_kind admin_keys = KEY_KIND("update", update);
const struct admin_kind admin_key_rotations = KEY_KIND("rotate", rotate);
