/* admin_kind.h: what each kind of object must know for admin_objects.h. Private to the services. */

#pragma once

#include "service/admin.h"
#include "service/admin_objects.h"

/* The functions run within a transaction, but for find, and page and search of a list. */
struct admin_kind {
    const char *name;   /* "user": in the audit log and in messages */
    const char *action; /* what an update is called in the audit log */
    size_t row_size;
    size_t version_at; /* of the uint64_t in the row */
    bool has_id;       /* its key is an id; else a name, or what its page understands */

    /* -ENOENT, also for a key that can be none. */
    int (*find)(struct admin *a, struct slice key, struct arena *arena, void *ret);
    int (*page)(struct admin *a, const struct page_wish *wish, struct arena *arena, void **ret,
                size_t *ret_len);
    /* In place of page, for what is too long to be looked through at once: the page as a whole,
     * with its next. */
    int (*search)(struct admin *a, const struct page_wish *wish, struct arena *arena,
                  struct admin_page *ret);
    /* .at NULL: out of memory. */
    struct slice (*key)(const void *row, struct arena *arena);
    /* It is kept, but deleted or revoked for good. May be NULL: such rows are gone. */
    bool (*is_deleted)(const void *row);
    /* OK, or refused: it comes from the file. May be NULL. */
    int (*may_change)(struct admin_change *c, const void *row);

    int (*add)(struct admin *a, struct admin_change *c, void *row);
    /* row: old with what is wanted. */
    int (*update)(struct admin *a, struct admin_change *c, const void *old, void *row);
    /* Copies what is told once and not stored from the row that was written. May be NULL. */
    void (*recall)(const void *written, void *row);
    int (*remove)(struct admin *a, struct admin_change *c, void *row);
};

/* Fills c->fault; returns -EPERM. A message that found no memory is left to the kind's own. */
int admin_refuse(struct admin_change *c, enum fault_kind kind, struct slice param,
                 struct slice message);
/* Refuses to change an entry of the configuration file. */
int admin_refuse_file_entry(struct admin_change *c, const char *kind, struct slice name);
/* Until when somebody can administer, before a change is written; and when it is: OK, or refused,
 * because it would be for a shorter time. */
int admin_lasts(struct admin *a, uint64_t *ret_until);
int admin_keep_lasting(struct admin *a, struct admin_change *c, uint64_t before);
/* "17" → 17; 0: no id. */
int64_t admin_id(struct slice key);
/* RFC 3339 → microseconds; 0: no time. */
uint64_t admin_time(struct slice text);
