/* key_admin.c: see key_admin.h. */

#include "service/key_admin.h"

#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "io/crypto.h"
#include "repository/key_repo.h"
#include "repository/repository.h"
#include "repository/user_repo.h"
#include "service/admin.h"

#include <errno.h>

enum { KEY_BYTES = 32, KEY_PREFIX = 12 };

static const struct slice key_start = SLICE_INIT("sk-cr-");

/* --- making keys --- */

/* RFC 4648 section 5, without padding. */
static size_t base64url(const unsigned char *bytes, size_t n, char *ret)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0;
    unsigned have = 0;
    char *at = ret;

    for (size_t i = 0; i < n; i++) {
        bits = bits << 8 | bytes[i];
        for (have += 8; have >= 6; have -= 6)
            *at++ = letters[bits >> (have - 6) & 63];
    }
    if (have)
        *at++ = letters[bits << (6 - have) & 63];
    return (size_t)(at - ret);
}

static int make_token(struct arena *arena, struct secret *ret)
{
    unsigned char random[KEY_BYTES];
    char *text = arena_alloc(arena, key_start.len + KEY_BYTES * 2);
    int rc = text ? ids_secret_bytes(random, sizeof(random)) : -ENOMEM;

    if (rc < 0)
        return rc;
    memcpy(text, key_start.at, key_start.len);
    size_t n = base64url(random, sizeof(random), text + key_start.len);
    secret_wipe(random, sizeof(random));
    *ret = secret_of(slice_of(text, key_start.len + n));
    return OK;
}

/* A short key that someone configured shows a quarter of itself at most. */
static struct slice prefix_of(struct slice token)
{
    return slice_sub(token, 0, MIN(token.len / 4, (size_t)KEY_PREFIX));
}

int key_admin_give_token(struct admin *a, struct arena *arena, struct key_row *row)
{
    int rc = make_token(arena, &row->token);

    if (rc < 0)
        return rc;
    struct slice token = secret_reveal(row->token);
    row->prefix = arena_copy(arena, prefix_of(token));
    return row->prefix.at ? hmac_sign(a->hmac, token, row->hash) : -ENOMEM;
}

static int find_or_add_user(struct admin *a, struct slice name, struct arena *arena,
                            struct user_row *ret)
{
    int rc = user_repo_find(a->db, name, arena, ret);

    if (rc != -ENOENT)
        return rc;
    *ret = (struct user_row){.name = name, .created_wall_us = clock_wall_us()};
    return user_repo_add(a->db, ret);
}

/* Writes the row and its user, within a transaction. */
static int add_key(struct admin *a, struct key_row *row, struct arena *arena)
{
    struct user_row user;
    int rc = find_or_add_user(a, row->user_name, arena, &user);

    if (rc < 0)
        return rc;
    row->user_id = user.id;
    row->user_off = user.disabled;
    row->created_wall_us = clock_wall_us();
    return key_repo_add(a->db, row);
}

/* The row of a key to be, with its token. */
static int make_row(struct admin *a, const struct key_wish *wish, struct arena *arena,
                    struct key_row *ret)
{
    if (slice_is_empty(wish->user))
        return -EINVAL;
    *ret = (struct key_row){.user_name = arena_copy(arena, wish->user),
                            .name = arena_copy(arena, wish->name),
                            .admin = wish->admin,
                            .rpm = wish->rpm,
                            .tpm = wish->tpm,
                            .concurrency = wish->concurrency,
                            .models = arena_copy(arena, wish->models),
                            .expires_wall_us = wish->expires_wall_us};
    if (!ret->user_name.at || !ret->name.at || !ret->models.at)
        return -ENOMEM;
    return key_admin_give_token(a, arena, ret);
}

int key_admin_create(struct admin *a, const struct key_wish *wish, struct arena *arena,
                     struct key_row *ret, struct secret *ret_key)
{
    int rc = make_row(a, wish, arena, ret);

    if (rc == OK)
        rc = admin_begin(a);
    if (rc < 0)
        return rc;
    *ret_key = ret->token;
    return repository_end(a->db, add_key(a, ret, arena));
}

/* "admin", or, when that user is disabled and so are all keys of it, "admin 2" and so on. */
static int pick_first_user(struct admin *a, struct slice *name, struct arena *arena)
{
    struct user_row user;
    int rc;

    for (unsigned n = 2; (rc = user_repo_find(a->db, *name, arena, &user)) == OK; n++) {
        if (!user.disabled)
            return OK;
        *name = arena_printf(arena, "admin %u", n);
        if (!name->at)
            return -ENOMEM;
    }
    return rc == -ENOENT ? OK : rc;
}

static int add_first(struct admin *a, struct key_row *row, struct arena *arena)
{
    uint64_t until;
    int rc = key_repo_admin_until(a->db, clock_wall_us(), &until);

    if (rc == OK && until)
        rc = -EEXIST;
    if (rc == OK)
        rc = pick_first_user(a, &row->user_name, arena);
    return rc < 0 ? rc : add_key(a, row, arena);
}

int key_admin_create_first(struct admin *a, struct arena *arena, struct secret *ret_key)
{
    const struct key_wish wish = {.user = SLICE("admin"), .name = SLICE("first"), .admin = true};
    struct key_row row;
    int rc = make_row(a, &wish, arena, &row);

    if (rc == OK)
        rc = admin_begin(a);
    if (rc < 0)
        return rc;
    *ret_key = row.token;
    return repository_end(a->db, add_first(a, &row, arena));
}

/* --- the configured admin key --- */

/* The row of an earlier configuration gets the new key; without one it is made. */
static int renew_file_key(struct admin *a, const struct key_row *wanted, struct arena *arena)
{
    struct key_row row;
    int rc = key_repo_find_from_file(a->db, arena, &row);

    if (rc == -ENOENT) {
        row = *wanted;
        return add_key(a, &row, arena);
    }
    if (rc < 0)
        return rc;
    memcpy(row.hash, wanted->hash, sizeof(row.hash));
    row.prefix = wanted->prefix;
    row.revoked = row.disabled = false;
    row.old_until_wall_us = 0; /* of a rotation before it was the configured one */
    return key_repo_update(a->db, &row);
}

/* A key that was made otherwise and is now the configured one; the row that was it before ends. */
static int adopt_key(struct admin *a, struct key_row *row, struct arena *arena)
{
    struct key_row old;
    int rc = key_repo_find_from_file(a->db, arena, &old);

    if (rc == OK && old.id != row->id) {
        old.from_file = false;
        old.revoked = true;
        rc = key_repo_update(a->db, &old);
    }
    if (rc < 0 && rc != -ENOENT)
        return rc;
    row->admin = row->from_file = true;
    row->revoked = row->disabled = false;
    row->expires_wall_us = 0;
    return key_repo_update(a->db, row);
}

static bool is_as_wanted(const struct key_row *row)
{
    return row->from_file && row->admin && !row->revoked && !row->disabled &&
           row->expires_wall_us == 0;
}

/* The configuration has no key any more: the one that it had is a key like any other, which
 * administrators may revoke. */
static int release_file_key(struct admin *a, struct arena *arena)
{
    struct key_row row;
    int rc = key_repo_find_from_file(a->db, arena, &row);

    if (rc < 0)
        return rc == -ENOENT ? OK : rc;
    row.from_file = false;
    return key_repo_update(a->db, &row);
}

/* wanted: NULL: none is configured. */
static int configure(struct admin *a, const struct key_row *wanted, struct arena *arena)
{
    struct key_row row;

    if (!wanted)
        return release_file_key(a, arena);
    int rc = key_repo_find_by_hash(a->db, wanted->hash, arena, &row);
    if (rc == -ENOENT)
        return renew_file_key(a, wanted, arena);
    if (rc < 0 || is_as_wanted(&row))
        return rc;
    return adopt_key(a, &row, arena);
}

/* Whoever configured a key whose user was disabled would else look for the reason in vain. It is
 * not the configuration's to enable the user: other keys would come back too. */
static int tell_if_refused(struct admin *a, struct arena *arena)
{
    struct key_row row;
    int rc = key_repo_find_from_file(a->db, arena, &row);

    if (rc == OK && row.user_off)
        log_event(LOG_ERROR,
                  "the configured admin_key is refused, for its user is disabled or deleted: "
                  "enable the user, or configure another key",
                  LOG_SLICE("user", row.user_name), LOG_I64("key_id", row.id), LOG_END);
    return rc == -ENOENT ? OK : rc;
}

int key_admin_configure(struct admin *a, struct secret key)
{
    struct slice token = secret_reveal(key);
    struct key_row wanted = {.user_name = SLICE("admin"),
                             .name = SLICE("configuration"),
                             .prefix = prefix_of(token),
                             .admin = true,
                             .from_file = true};
    struct arena arena;

    int rc = token.len ? hmac_sign(a->hmac, token, wanted.hash) : OK;
    if (rc == OK)
        rc = admin_begin(a);
    if (rc < 0)
        return rc;
    arena_init(&arena, 0);
    rc = configure(a, token.len ? &wanted : NULL, &arena);
    if (rc == OK)
        rc = tell_if_refused(a, &arena);
    rc = repository_end(a->db, rc);
    arena_clear(&arena);
    return rc;
}

/* --- the rest --- */

int key_admin_list(struct admin *a, struct arena *arena, struct key_row **ret, size_t *ret_len)
{
    return key_repo_list(a->db, arena, ret, ret_len);
}

int key_admin_revoke(struct admin *a, int64_t id)
{
    int rc = admin_begin(a); /* one at a time: a key and the catalog are locked in any order */

    return rc < 0 ? rc : repository_end(a->db, key_repo_revoke(a->db, id, clock_wall_us()));
}

int key_admin_has_admin(struct admin *a, bool *ret)
{
    uint64_t until;
    int rc = key_repo_admin_until(a->db, clock_wall_us(), &until);

    *ret = rc == OK && until;
    return rc;
}
