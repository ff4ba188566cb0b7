/* admin_objects.h: what administrators do with users, keys, providers and models: list, show, make,
 * change and delete them, each change with its row in the audit log, in one transaction.
 *
 * Blocking: for the yard. Results: OK; -EPERM: refused, and the fault says why; any other -errno is
 * the store's. Everything returned is in the arena. */

#pragma once

#include "base/arena.h"
#include "model/fault.h"
#include "model/page_wish.h"
#include "model/row_change.h"
#include "model/rows.h"

struct admin;
struct admin_kind;

/* Rows: struct user_row, key_row, provider_row, model_row. */
extern const struct admin_kind admin_users, admin_keys, admin_providers, admin_models;
/* Of a key, too: a change replaces it by a new one; what is wanted is a struct key_rotation. */
extern const struct admin_kind admin_key_rotations;
/* To be listed only: struct audit_row. */
extern const struct admin_kind admin_audit;
/* Rows: struct usage_log. Filters: from, to, request_id, model, user_id, key_id, status, provider.
 */
extern const struct admin_kind admin_logs;
/* Rows: struct prompt_log. Filters: the first six of those. */
extern const struct admin_kind admin_prompts;

struct admin_page {
    const void *rows;
    size_t len;
    struct slice next; /* page_wish.after of the next page; empty: this was the last */
};
/* Logs are searched for a second, or wish->search_ms: a page of theirs may be short, or empty, and
 * have a next all the same. -EINVAL: wish->after is the key of no row. */
int admin_list(struct admin *a, const struct admin_kind *kind, const struct page_wish *wish,
               struct arena *arena, struct admin_page *ret);

struct admin_change {
    struct arena *arena;
    struct slice key; /* which object: its id or its name; unused for a new one */

    /* who asks */
    int64_t key_id, user_id;
    struct slice request_id;

    /* only if the object is at this version: 0: any; the value of If-Match: .at NULL: any */
    uint64_t version;
    struct slice if_match;

    struct row_change wanted;
    /* The row as the API shows it, without secrets; .at NULL: out of memory. */
    struct slice (*describe)(const void *row, struct arena *arena);

    void *row;          /* the result: as it stands now; NULL: it is gone */
    struct fault fault; /* of -EPERM */
};
/* Shows it: fills c->row. */
int admin_show(struct admin *a, const struct admin_kind *kind, struct admin_change *c);
int admin_make(struct admin *a, const struct admin_kind *kind, struct admin_change *c);
int admin_update(struct admin *a, const struct admin_kind *kind, struct admin_change *c);
/* Deleting what was deleted is OK; what never was is refused. */
int admin_delete(struct admin *a, const struct admin_kind *kind, struct admin_change *c);

/* Writes down in the audit log that who asks (c) has read rows of the kind: how many, and which
 * were wanted. */
int admin_note_reading(struct admin *a, const struct admin_kind *kind, struct admin_change *c,
                       struct slice what);

/* The version of a row. */
uint64_t admin_version(const struct admin_kind *kind, const void *row);
/* The id or name under which the object is found. */
struct slice admin_key_of(const struct admin_kind *kind, const void *row, struct arena *arena);
