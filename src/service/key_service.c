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
    bool follows;     /* the snapshots' hash key */
    uint64_t version; /* of the snapshot that it was taken from */
    unsigned char hash_key[KEY_HASH_LEN];
};

struct key_service *key_service_new(struct secret hash_key)
{
    struct key_service *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->follows = secret_is_empty(hash_key);
    s->hmac = s->follows ? NULL : hmac_new(hash_key);
    if (!s->follows && !s->hmac) {
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
    secret_wipe(s->hash_key, sizeof(s->hash_key));
    free(s);
}

/* The hash key of an installation never changes while it runs; that of the snapshot file may be
 * another's. */
static int follow(struct key_service *s, const struct snapshot *snapshot)
{
    bool same = s->hmac && memcmp(s->hash_key, snapshot->hash_key, sizeof(s->hash_key)) == 0;

    if (!same) {
        struct slice key = slice_of((const char *)snapshot->hash_key, sizeof(snapshot->hash_key));
        hmac_free(s->hmac);
        s->hmac = hmac_new(secret_of(key));
        memcpy(s->hash_key, snapshot->hash_key, sizeof(s->hash_key));
    }
    s->version = s->hmac ? snapshot->version : 0;
    return s->hmac ? OK : -ENOMEM;
}

int key_service_find(struct key_service *s, const struct snapshot *snapshot, struct slice token,
                     uint64_t now_wall_us, const struct principal **ret)
{
    unsigned char hash[SHA256_LEN];

    *ret = NULL;
    if (slice_is_empty(token) || token.len > TOKEN_MAX)
        return -ENOENT;
    int rc = s->follows && s->version != snapshot->version ? follow(s, snapshot) : OK;
    if (rc == OK)
        rc = hmac_sign(s->hmac, token, hash);
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
