/* headers.h: HTTP header fields as a list of slices (RFC 9110 section 5). */

#pragma once

#include "base/arena.h"

struct header {
    struct slice name, value; /* value without surrounding white space */
};

struct headers {
    struct header *at;
    size_t len, cap;
};

/* The first field of that name (case does not matter), or NULL. */
const struct slice *headers_find(const struct headers *h, struct slice name);
/* Its value, or an empty slice. */
struct slice headers_get(const struct headers *h, struct slice name);
/* How many fields have that name. */
size_t headers_count(const struct headers *h, struct slice name);
/* Appends; grows in the arena. -ENOMEM, -E2BIG (over HEADERS_MAX). */
enum { HEADERS_MAX = 128 };
int headers_add(struct headers *h, struct arena *a, struct slice name, struct slice value);
/* No CR, LF, NUL or other control: may be written into a head. */
bool header_value_is_safe(struct slice value);
/* The same for a name: also no space, no colon, not empty. */
bool header_name_is_safe(struct slice name);
