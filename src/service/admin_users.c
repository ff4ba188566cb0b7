/* admin_users.c: users, as administrators see them. A deleted one stays for the statistics: its
 * keys are revoked and its name is free again. */

#include "base/clock.h"
#include "repository/key_repo.h"
#include "repository/user_repo.h"
#include "service/admin_kind.h"

#include <errno.h>

static int find(struct admin *a, struct slice key, struct arena *arena, void *ret)
{
    return user_repo_find_by_id(a->db, admin_id(key), arena, ret);
}

static int page(struct admin *a, const struct page_wish *wish, struct arena *arena, void **ret,
                size_t *ret_len)
{
    struct user_row *rows;
    int rc = user_repo_page(a->db, wish, arena, &rows, ret_len);

    *ret = rows;
    return rc;
}

static struct slice key_of(const void *row, struct arena *arena)
{
    const struct user_row *user = row;

    return arena_printf(arena, "%lld", (long long)user->id);
}

static bool is_deleted(const void *row)
{
    const struct user_row *user = row;

    return user->deleted_wall_us > 0;
}

/* -EEXIST, said in words. */
static int name_taken(struct admin_change *c, const struct user_row *user)
{
    return admin_refuse(
        c, FAULT_ALREADY_EXISTS, SLICE("name"),
        arena_printf(c->arena, "There is a user %.*s already.", SLICE_FMT(user->name)));
}

static int add(struct admin *a, struct admin_change *c, void *to)
{
    struct user_row *user = to;

    user->created_wall_us = clock_wall_us();
    int rc = user_repo_add(a->db, user);
    return rc == -EEXIST ? name_taken(c, user) : rc;
}

/* The configured admin key must go on working, whatever happens here. */
static int check_file_key(struct admin *a, struct admin_change *c, const struct user_row *user)
{
    bool has;
    int rc = key_repo_user_has_file_key(a->db, user->id, &has);

    if (rc < 0 || !has)
        return rc;
    return admin_refuse(c, FAULT_READ_ONLY, SLICE(""),
                        SLICE("The configured admin key is this user's. Take `admin_key` out of "
                              "the configuration first."));
}

static int write(struct admin *a, struct admin_change *c, struct user_row *user)
{
    uint64_t lasts;
    int rc = admin_lasts(a, &lasts);

    user->updated_wall_us = clock_wall_us();
    if (rc == OK)
        rc = user_repo_update(a->db, user);
    if (rc == -EEXIST)
        return name_taken(c, user);
    return rc < 0 ? rc : admin_keep_lasting(a, c, lasts);
}

static int update(struct admin *a, struct admin_change *c, const void *old, void *to)
{
    struct user_row *user = to;

    (void)old;
    int rc = user->disabled ? check_file_key(a, c, user) : OK;
    return rc < 0 ? rc : write(a, c, user);
}

/* "ann" becomes "ann (deleted 7)": so that another ann may come. Once more for each user who took
 * that very name. */
static int free_name(struct admin *a, struct user_row *user, struct arena *arena)
{
    struct user_row other;
    int rc = OK;

    while (rc == OK) {
        user->name =
            arena_printf(arena, "%.*s (deleted %lld)", SLICE_FMT(user->name), (long long)user->id);
        rc = user->name.at ? user_repo_find(a->db, user->name, arena, &other) : -ENOMEM;
    }
    return rc == -ENOENT ? OK : rc;
}

static int remove_user(struct admin *a, struct admin_change *c, void *to)
{
    struct user_row *user = to;
    int rc = check_file_key(a, c, user);

    if (rc == OK)
        rc = free_name(a, user, c->arena);
    user->deleted_wall_us = clock_wall_us();
    if (rc == OK)
        rc = write(a, c, user);
    return rc < 0 ? rc : key_repo_revoke_of_user(a->db, user->id, user->deleted_wall_us);
}

const struct admin_kind admin_users = {
    .name = "user",
    .action = "update",
    .row_size = sizeof(struct user_row),
    .version_at = offsetof(struct user_row, version),
    .has_id = true,
    .find = find,
    .page = page,
    .key = key_of,
    .is_deleted = is_deleted,
    .add = add,
    .update = update,
    .remove = remove_user,
};
