/* query.h: the parameters behind a path's question mark, read strictly: each once, and only known
 * ones where the path is our own. */

#pragma once

#include "model/fault.h"
#include "web/exchange.h"

enum query_type {
    QUERY_TEXT,
    QUERY_NUMBER, /* a whole number from 1 */
    QUERY_WORD,   /* one of `words` */
    QUERY_TIME,   /* RFC 3339 */
};

struct query_field {
    const char *name; /* NULL ends a list */
    enum query_type type;
    const char *const *words; /* ended by NULL */
};

enum { QUERY_FIELDS = 32 };

/* ret[i]: the value of fields[i], decoded, in the arena; empty when it is not given (or empty).
 * False: *ret_fault says which parameter is wrong and what is allowed. */
bool query_read(struct exchange *x, const struct query_field *fields, struct arena *a,
                struct slice *ret, struct fault *ret_fault);
/* The same; parameters that are not known are passed over, as clients of the providers' APIs send
 * them. */
bool query_read_known(struct exchange *x, const struct query_field *fields, struct arena *a,
                      struct slice *ret, struct fault *ret_fault);
/* How many of a list: of the parameter `limit`, when it is given; from 1 to most. False: as above.
 */
bool query_limit(struct slice given, uint64_t most, struct arena *a, uint64_t *io_limit,
                 struct fault *ret_fault);
/* The path of an object, for `location`: base and the key, encoded. .at NULL: out of memory. */
struct slice query_location(struct slice base, struct slice key, struct arena *a);
