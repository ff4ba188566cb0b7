/* key_service.c: see key_service.h. */

#include "service/key_service.h"

#include "io/crypto.h"
#include "service/snapshot.h"

#include <errno.h>
#include <stdlib.h>

/* More than any key that courier makes or an operator would choose; bounds the work of a hash. */
enum { TOKEN_MAX = 1024 };

struct key_service {
    struct hmac *hmac;
};

struct key_service *key_service_new(struct secret hash_key)
{
    struct key_service *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->hmac = hmac_new(hash_key);
    if (!s->hmac) {
        free(s);
        return NULL;
    }
    return s;
}

void key_service_free(struct key_service *s)
{
    if (!s)
        return;
    hmac_free(s->hmac);
    free(s);
}

int key_service_find(struct key_service *s, const struct snapshot *snapshot, struct slice token,
                     uint64_t now_wall_us, const struct principal **ret)
{
    unsigned char hash[SHA256_LEN];

    *ret = NULL;
    if (slice_is_empty(token) || token.len > TOKEN_MAX)
        return -ENOENT;
    int rc = hmac_sign(s->hmac, token, hash);
    if (rc < 0)
        return rc;
    const struct principal *p = key_table_find(snapshot->keys, hash);
    if (!p || (p->expires_wall_us && p->expires_wall_us <= now_wall_us))
        return -ENOENT;
    *ret = p;
    return OK;
}

int key_service_derive(struct secret secret_key, unsigned char ret[KEY_HASH_LEN])
{
    return crypto_derive(secret_key, SLICE("courier key hash"), ret);
}
