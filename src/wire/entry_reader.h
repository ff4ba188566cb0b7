/* entry_reader.h: an object of the admin API, read strictly, by the table of its settings.
 *
 * Every member must be known and stand there once; a value is of the type that the table tells and
 * within its range. What is wrong is a fault that names the member and what is allowed. */

#pragma once

#include "model/row_change.h"
#include "model/setting.h"
#include "wire/body_reader.h"

/* A member that is not one value: a list of objects, a map. */
struct entry_extra {
    const char *name;
    /* Reads it into the row; null is an empty one. False: refused. */
    bool (*read)(struct reader *r, struct json_value v, void *row);
    struct row_member member;
};

/* What an object may have. */
struct entry_form {
    const struct setting *table;
    const struct entry_extra *extras; /* ended by a NULL name; may be NULL */
    size_t row_size;
};

struct entry_ask {
    bool making;      /* a new object: what is required must be there; else nothing that is fixed */
    uint64_t version; /* the member of that name; 0: not there */
    struct row_change change; /* its row is in the arena; with defaults where nothing is given */
};

/* body: one JSON object. ret->making says what is expected. */
bool entry_read(const struct entry_form *form, struct slice body, struct arena *a,
                struct entry_ask *ret, struct fault *ret_fault);
/* The members of an object that stands in another one, into row, which holds the defaults; path:
 * "targets[2]", for what is told. The object was validated with the text that it is in. */
bool entry_read_nested(struct reader *r, const struct setting *table, struct slice path,
                       struct slice object, void *row);
/* A body that may say `version` and nothing else; empty: nothing. */
bool entry_read_version(struct slice body, struct arena *a, uint64_t *ret, struct fault *ret_fault);
