/* admin_objects.c: see admin_objects.h. What the kinds share: versions, audit rows, transactions.
 */

#include "service/admin_objects.h"

#include "base/clock.h"
#include "repository/audit_repo.h"
#include "repository/key_repo.h"
#include "repository/repository.h"
#include "service/admin_kind.h"

#include <errno.h>

int admin_refuse(struct admin_change *c, enum fault_kind kind, struct slice param,
                 struct slice message)
{
    c->fault = (struct fault){.kind = kind, .param = param};
    if (message.at)
        c->fault.message = message;
    return -EPERM;
}

int admin_lasts(struct admin *a, uint64_t *ret_until)
{
    return key_repo_admin_until(a->db, clock_wall_us(), ret_until);
}

int admin_keep_lasting(struct admin *a, struct admin_change *c, uint64_t before)
{
    char time[CLOCK_RFC3339_LEN + 1];
    uint64_t after;
    int rc = admin_lasts(a, &after);

    if (rc < 0 || after >= before)
        return rc;
    if (!after)
        return admin_refuse(c, FAULT_CONFLICT, SLICE(""),
                            SLICE("Nobody could administer the gateway any more: this is the last "
                                  "admin key. Make another one first, or configure admin_key."));
    clock_rfc3339(after, time);
    return admin_refuse(
        c, FAULT_CONFLICT, SLICE(""),
        arena_printf(c->arena,
                     "Nobody could administer the gateway after %s: the last admin key would end "
                     "then. Make one first that lasts longer, or configure admin_key.",
                     time));
}

int admin_refuse_file_entry(struct admin_change *c, const char *kind, struct slice name)
{
    return admin_refuse(c, FAULT_READ_ONLY, SLICE(""),
                        arena_printf(c->arena,
                                     "The %s %.*s comes from the configuration file: change it "
                                     "there and reload (SIGHUP).",
                                     kind, SLICE_FMT(name)));
}

int64_t admin_id(struct slice key)
{
    uint64_t id;

    return slice_to_u64(key, &id) == OK && id <= INT64_MAX ? (int64_t)id : 0;
}

uint64_t admin_time(struct slice text)
{
    uint64_t wall_us;

    return clock_parse_rfc3339(text, &wall_us) == OK ? wall_us : 0;
}

uint64_t admin_version(const struct admin_kind *kind, const void *row)
{
    uint64_t version;

    memcpy(&version, (const char *)row + kind->version_at, sizeof(version));
    return version;
}

struct slice admin_key_of(const struct admin_kind *kind, const void *row, struct arena *arena)
{
    return kind->key(row, arena);
}

/* --- looking --- */

int admin_list(struct admin *a, const struct admin_kind *kind, const struct page_wish *wish,
               struct arena *arena, struct admin_page *ret)
{
    struct page_wish more = *wish; /* one more row tells whether there is a next page */
    void *rows;

    more.limit++;
    more.now_wall_us = clock_wall_us();
    *ret = (struct admin_page){0};
    if (kind->has_id && wish->after.len && !admin_id(wish->after))
        return -EINVAL;
    if (kind->search)
        return kind->search(a, wish, arena, ret);
    int rc = kind->page(a, &more, arena, &rows, &ret->len);
    ret->rows = rows;
    if (rc < 0 || ret->len <= wish->limit)
        return rc;
    ret->len = wish->limit;
    ret->next = kind->key((const char *)rows + (ret->len - 1) * kind->row_size, arena);
    return ret->next.at ? OK : -ENOMEM;
}

static int refuse_absent(struct admin_change *c, const struct admin_kind *kind)
{
    enum { SHOWN = 128 };
    struct slice key = slice_sub(c->key, 0, MIN(c->key.len, (size_t)SHOWN));

    return admin_refuse(c, FAULT_NOT_FOUND, SLICE(""),
                        arena_printf(c->arena, "There is no %s %.*s.", kind->name, SLICE_FMT(key)));
}

/* In the arena. */
static int find(struct admin *a, const struct admin_kind *kind, struct admin_change *c, void **ret)
{
    *ret = arena_zalloc(c->arena, kind->row_size);
    return *ret ? kind->find(a, c->key, c->arena, *ret) : -ENOMEM;
}

int admin_show(struct admin *a, const struct admin_kind *kind, struct admin_change *c)
{
    int rc = find(a, kind, c, &c->row);

    return rc == -ENOENT ? refuse_absent(c, kind) : rc;
}

/* --- versions --- */

/* RFC 9110 section 13.1.1: any of the listed tags, compared strongly. */
static bool tags_have(struct slice tags, uint64_t version, struct arena *arena)
{
    struct slice wanted = arena_printf(arena, "\"%llu\"", (unsigned long long)version);

    if (slice_eq(slice_trim(tags), SLICE("*")))
        return true;
    while (tags.len)
        if (wanted.at && slice_eq(slice_trim(slice_cut(&tags, ',')), wanted))
            return true;
    return false;
}

static int check_version(const struct admin_kind *kind, struct admin_change *c, const void *row)
{
    uint64_t version = admin_version(kind, row);

    if (c->if_match.at && !tags_have(c->if_match, version, c->arena))
        return admin_refuse(c, FAULT_PRECONDITION, SLICE("if-match"),
                            arena_printf(c->arena, "The %s is at version %llu now.", kind->name,
                                         (unsigned long long)version));
    if (c->version && c->version != version)
        return admin_refuse(c, FAULT_VERSION_CONFLICT, SLICE("version"),
                            arena_printf(c->arena,
                                         "Version %llu was expected, but the %s is at version %llu "
                                         "now.",
                                         (unsigned long long)c->version, kind->name,
                                         (unsigned long long)version));
    return OK;
}

/* --- the trail --- */

static int describe(struct admin_change *c, const void *row, struct slice *ret)
{
    *ret = row ? c->describe(row, c->arena) : SLICE("");
    return ret->at ? OK : -ENOMEM;
}

static int write_audit(struct admin *a, const struct admin_kind *kind, struct admin_change *c,
                       const char *action, const void *old)
{
    struct audit_row row = {.wall_us = clock_wall_us(),
                            .key_id = c->key_id,
                            .user_id = c->user_id,
                            .request_id = c->request_id,
                            .action = slice_str(action),
                            .kind = slice_str(kind->name),
                            .object = c->key};
    int rc = describe(c, old, &row.before);

    if (rc == OK)
        rc = describe(c, c->row, &row.after);
    return rc < 0 ? rc : audit_repo_add(a->db, &row);
}

int admin_note_reading(struct admin *a, const struct admin_kind *kind, struct admin_change *c,
                       struct slice what)
{
    const struct audit_row row = {.wall_us = clock_wall_us(),
                                  .key_id = c->key_id,
                                  .user_id = c->user_id,
                                  .request_id = c->request_id,
                                  .action = SLICE("read"),
                                  .kind = slice_str(kind->name),
                                  .object = SLICE("*"),
                                  .after = what};
    int rc = repository_begin(a->db);

    return rc < 0 ? rc : repository_end(a->db, audit_repo_add(a->db, &row));
}

/* The object as it stands after the change, and the row that tells of it. */
static int finish(struct admin *a, const struct admin_kind *kind, struct admin_change *c,
                  const char *action, const void *old)
{
    int rc = find(a, kind, c, &c->row);

    if (rc == -ENOENT) {
        c->row = NULL;
        rc = OK;
    }
    return rc < 0 ? rc : write_audit(a, kind, c, action, old);
}

/* --- changing --- */

/* The end of a transaction; a good one is noted for whoever waits until it is served. */
static int end_change(struct admin *a, int rc)
{
    rc = repository_end(a->db, rc);
    if (rc == OK && repository_catalog_version(a->db, &a->changed) < 0)
        a->changed = 0;
    return rc;
}

static int recall(const struct admin_kind *kind, struct admin_change *c, const void *written)
{
    if (kind->recall && c->row)
        kind->recall(written, c->row);
    return OK;
}

static int make(struct admin *a, const struct admin_kind *kind, struct admin_change *c, void *row)
{
    int rc = kind->add(a, c, row);

    if (rc < 0)
        return rc;
    c->key = kind->key(row, c->arena);
    rc = c->key.at ? finish(a, kind, c, "create", NULL) : -ENOMEM;
    return rc < 0 ? rc : recall(kind, c, row);
}

int admin_make(struct admin *a, const struct admin_kind *kind, struct admin_change *c)
{
    void *row = arena_alloc(c->arena, kind->row_size);
    int rc = row ? admin_begin(a) : -ENOMEM;

    if (rc < 0)
        return rc;
    memcpy(row, c->wanted.row, kind->row_size);
    return end_change(a, make(a, kind, c, row));
}

static int find_to_change(struct admin *a, const struct admin_kind *kind, struct admin_change *c,
                          void **ret)
{
    int rc = find(a, kind, c, ret);

    if (rc == -ENOENT)
        return refuse_absent(c, kind);
    if (rc == OK) { /* "007" was asked for, 7 is what the trail tells of */
        c->key = kind->key(*ret, c->arena);
        rc = c->key.at ? OK : -ENOMEM;
    }
    if (rc == OK && kind->may_change)
        rc = kind->may_change(c, *ret);
    return rc < 0 ? rc : check_version(kind, c, *ret);
}

static int update(struct admin *a, const struct admin_kind *kind, struct admin_change *c, void *row)
{
    void *old;
    int rc = find_to_change(a, kind, c, &old);

    if (rc < 0)
        return rc;
    if (kind->is_deleted && kind->is_deleted(old))
        return admin_refuse(c, FAULT_CONFLICT, SLICE(""),
                            arena_printf(c->arena, "The %s was deleted, for good.", kind->name));
    memcpy(row, old, kind->row_size);
    row_change_apply(&c->wanted, row);
    rc = kind->update(a, c, old, row);
    if (rc == OK)
        rc = finish(a, kind, c, kind->action, old);
    return rc < 0 ? rc : recall(kind, c, row);
}

int admin_update(struct admin *a, const struct admin_kind *kind, struct admin_change *c)
{
    void *row = arena_alloc(c->arena, kind->row_size);
    int rc = row ? admin_begin(a) : -ENOMEM;

    return rc < 0 ? rc : end_change(a, update(a, kind, c, row));
}

/* What is not there: was it ever? */
static int delete_absent(struct admin *a, const struct admin_kind *kind, struct admin_change *c)
{
    bool was;
    int rc = audit_repo_was_deleted(a->db, slice_str(kind->name), c->key, &was);

    return rc < 0 || was ? rc : refuse_absent(c, kind);
}

static int delete_one(struct admin *a, const struct admin_kind *kind, struct admin_change *c)
{
    void *old, *row = arena_alloc(c->arena, kind->row_size);
    int rc = row ? find(a, kind, c, &old) : -ENOMEM;

    if (rc == -ENOENT)
        return delete_absent(a, kind, c);
    if (rc < 0 || (kind->is_deleted && kind->is_deleted(old)))
        return rc;
    rc = find_to_change(a, kind, c, &old);
    if (rc < 0)
        return rc;
    memcpy(row, old, kind->row_size);
    rc = kind->remove(a, c, row);
    return rc < 0 ? rc : finish(a, kind, c, "delete", old);
}

int admin_delete(struct admin *a, const struct admin_kind *kind, struct admin_change *c)
{
    int rc = admin_begin(a);

    return rc < 0 ? rc : end_change(a, delete_one(a, kind, c));
}
