/* seal.c: see seal.h. */

#include "service/seal.h"

#include "io/crypto.h"

#include <errno.h>

_Static_assert((int)SEAL_KEY_LEN == (int)SHA256_LEN, "derived keys fit");

int seal_init(struct seal *s, struct secret secret_key)
{
    return crypto_derive(secret_key, SLICE("courier provider key"), s->key);
}

void seal_wipe(struct seal *s)
{
    secret_wipe(s->key, sizeof(s->key));
}

static struct slice bound_text(struct arena *a, struct seal_row row)
{
    if (row.place)
        return arena_printf(a, "%s:%.*s:%zu", row.kind, SLICE_FMT(row.name), row.place);
    return arena_printf(a, "%s:%.*s", row.kind, SLICE_FMT(row.name));
}

int seal_key(const struct seal *s, struct seal_row row, struct secret key, struct arena *a,
             struct slice *ret)
{
    struct slice text = secret_reveal(key);

    *ret = (struct slice){0};
    if (slice_is_empty(text))
        return OK;
    struct slice bound = bound_text(a, row);
    unsigned char *sealed = arena_alloc(a, text.len + SEAL_OVERHEAD);
    if (!bound.at || !sealed)
        return -ENOMEM;
    int rc = crypto_seal(s->key, text, bound, sealed);
    if (rc == OK)
        *ret = slice_of((const char *)sealed, text.len + SEAL_OVERHEAD);
    return rc;
}

int seal_open_key(const struct seal *s, struct seal_row row, struct slice sealed, struct arena *a,
                  struct secret *ret)
{
    size_t len;

    *ret = (struct secret){{0}};
    if (slice_is_empty(sealed))
        return OK;
    if (sealed.len < SEAL_OVERHEAD)
        return -EBADMSG;
    struct slice bound = bound_text(a, row);
    unsigned char *text = arena_alloc(a, sealed.len);
    if (!bound.at || !text)
        return -ENOMEM;
    int rc = crypto_open(s->key, sealed, bound, text, &len);
    if (rc == OK)
        *ret = secret_of(slice_of((const char *)text, len));
    return rc;
}
