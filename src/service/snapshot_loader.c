/* snapshot_loader.c: see snapshot_loader.h. */

#include "service/snapshot_loader.h"

#include "base/clock.h"
#include "base/log.h"
#include "repository/key_repo.h"
#include "router/registry.h"
#include "service/key_gathering.h"

#include <errno.h>

/* What is read before it is published. */
struct fresh {
    struct repository_versions versions;
    struct entries entries;
    bool has_entries;
    struct key_table *keys; /* NULL: none changed */
};

/* --- reading --- */

/* Whether what was loaded can be no beginning: there is nothing, a key went without a trace, or the
 * database is not what it was. */
static bool must_read_all(const struct repository_versions *loaded,
                          const struct repository_versions *now)
{
    return loaded->catalog == 0 || now->keys_gone > loaded->catalog ||
           now->catalog < loaded->catalog || now->origin != loaded->origin;
}

struct key_listener {
    struct key_ear ear;
    struct key_gathering *gathering;
};

/* A row that no table can hold ends its key, and holds up no other. */
static int add(struct key_gathering *g, const struct key_row *row)
{
    struct key_row ended = {.id = row->id, .user_id = row->user_id, .revoked = true};
    int rc = key_gathering_add(g, row);

    if (rc != -EBADMSG && rc != -EMSGSIZE)
        return rc;
    log_event(LOG_ERROR, "a key of the store is left out: a text of it is too long",
              LOG_U64("key", (uint64_t)row->id), LOG_END);
    memcpy(ended.hash, row->hash, sizeof(ended.hash));
    return key_gathering_add(g, &ended);
}

/* The key that a rotation replaced: the same one under another hash, and not for long. When its
 * time is over the entry is of no use, but does no harm. */
static int add_old(struct key_gathering *g, const struct key_row *row)
{
    struct key_row old = *row;

    memcpy(old.hash, row->old_hash, sizeof(old.hash));
    if (old.expires_wall_us == 0 || old.expires_wall_us > row->old_until_wall_us)
        old.expires_wall_us = row->old_until_wall_us;
    old.revoked |= old.old_until_wall_us <= clock_wall_us();
    return add(g, &old);
}

static int hear_key(struct key_ear *ear, const struct key_row *row)
{
    struct key_gathering *g = container_of(ear, struct key_listener, ear)->gathering;
    struct key_row now = *row;

    now.revoked |= now.disabled || now.user_off;
    int rc = add(g, &now);
    return rc < 0 || now.old_until_wall_us == 0 ? rc : add_old(g, &now);
}

static int make_table(struct snapshot_loader *l, struct key_gathering *g, bool all,
                      struct key_table **ret)
{
    const struct snapshot *current = snapshot_take(l->slot);
    const struct key_table *old = current ? current->keys : NULL;
    int rc = OK;

    if (all)
        rc = key_table_replace(old, g, ret);
    else if (key_gathering_len(g) > 0)
        rc = key_table_change(old, g, ret);
    snapshot_drop(current);
    return rc;
}

static int read_keys(struct snapshot_loader *l, struct db *db, struct fresh *f, bool all)
{
    struct key_listener listener = {{hear_key}, key_gathering_new()};

    if (!listener.gathering)
        return -ENOMEM;
    int rc = key_repo_read(db, all ? KEY_REPO_ALL : (int64_t)l->loaded.catalog, &listener.ear);
    if (rc == OK)
        rc = make_table(l, listener.gathering, all, &f->keys);
    key_gathering_free(listener.gathering);
    return rc;
}

/* When the secret was rotated, what was loaded serves on until the restart; only keys are followed.
 */
static int read_entries(struct snapshot_loader *l, struct db *db, struct fresh *f)
{
    int rc = installation_keys_read(&l->keys, db);

    l->rotated = rc == -EKEYREJECTED;
    if (l->rotated && snapshot_ready(l->slot)) {
        f->has_entries = false;
        return OK;
    }
    if (rc == OK)
        rc = entries_read(&f->entries, db);
    return rc < 0 ? rc : entries_leave_out_large(&f->entries);
}

static int read_fresh(struct snapshot_loader *l, struct db *db, struct fresh *f, bool anyway)
{
    int rc = repository_versions(db, &f->versions);

    if (rc < 0)
        return rc;
    bool all = must_read_all(&l->loaded, &f->versions);
    f->has_entries = all || anyway || f->versions.registry != l->loaded.registry;
    if (f->has_entries)
        rc = read_entries(l, db, f);
    return rc < 0 ? rc : read_keys(l, db, f, all);
}

static int read_at_once(struct snapshot_loader *l, struct db *db, struct fresh *f, bool anyway)
{
    int rc = repository_begin_read(db);

    return rc < 0 ? rc : repository_end(db, read_fresh(l, db, f, anyway));
}

/* --- publishing --- */

/* The parts are taken. Nothing new is nothing to publish. */
static int publish_take(struct snapshot_loader *l, struct fresh *f)
{
    struct registry *registry = NULL;
    struct key_table *keys = f->keys;
    int rc = f->has_entries ? entries_registry(&f->entries, &l->keys.seal, &registry) : OK;

    f->keys = NULL;
    snapshot_slot_set_hash_key(l->slot, l->keys.hash_key);
    if (rc == OK && (registry || keys))
        return snapshot_publish_take(l->slot, registry, keys);
    key_table_free(keys);
    return rc;
}

static void fresh_clear(struct fresh *f)
{
    key_table_free(f->keys);
    entries_clear(&f->entries);
}

int snapshot_loader_read(struct snapshot_loader *l, struct db *db, bool anyway, struct buf *packed)
{
    struct fresh f = {.has_entries = false};

    entries_init(&f.entries);
    int rc = read_at_once(l, db, &f, anyway);
    if (rc == OK && f.has_entries && packed)
        rc = snapshot_file_pack(&f.entries, packed);
    if (rc == OK)
        rc = publish_take(l, &f);
    if (rc == OK)
        l->loaded = f.versions;
    fresh_clear(&f);
    return rc;
}

static bool is_too_old(const struct snapshot_stamp *stamp, uint64_t max_age_ms)
{
    return max_age_ms && stamp->true_wall_us + max_age_ms * 1000 < clock_wall_us();
}

int snapshot_loader_read_file(struct snapshot_loader *l, const char *path,
                              const struct sealed_key *key, uint64_t max_age_ms,
                              struct snapshot_stamp *ret_stamp)
{
    struct fresh f = {.has_entries = true};

    entries_init(&f.entries);
    int rc = snapshot_file_read(path, key, ret_stamp, &f.entries, &f.keys);
    if (rc == OK && is_too_old(ret_stamp, max_age_ms))
        rc = -ESTALE;
    if (rc == OK)
        memcpy(l->keys.hash_key, ret_stamp->hash_key, sizeof(l->keys.hash_key));
    if (rc == OK)
        rc = publish_take(l, &f);
    fresh_clear(&f);
    return rc;
}
