/* installation_keys.c: see installation_keys.h. */

#include "service/installation_keys.h"

#include "base/fmt.h"
#include "io/crypto.h"
#include "repository/installation_repo.h"
#include "service/key_service.h"

#include <errno.h>

enum { SEALED_BYTES = KEY_HASH_LEN + SEAL_OVERHEAD };

static const struct slice fingerprint_name = SLICE_INIT("secret_key");
static const struct slice hash_key_name = SLICE_INIT("hash_key");

static struct secret secret_bytes(const unsigned char *at, size_t n)
{
    return secret_of(slice_of((const char *)at, n));
}

/* Nobody can tell the secret from what is left in the store. */
static int make_fingerprint(struct secret secret_key, char ret[FINGERPRINT_TEXT])
{
    unsigned char derived[SHA256_LEN], signature[SHA256_LEN];
    int rc = crypto_derive(secret_key, SLICE("courier fingerprint"), derived);

    if (rc == OK)
        rc = crypto_derive(secret_bytes(derived, sizeof(derived)), SLICE("courier installation"),
                           signature);
    secret_wipe(derived, sizeof(derived));
    if (rc == OK)
        fmt_hex(ret, signature, sizeof(signature));
    return rc;
}

int installation_keys_derive(struct secret secret_key, struct installation_keys *ret)
{
    int rc = secret_is_empty(secret_key) ? -EINVAL : seal_init(&ret->seal, secret_key);

    if (rc == OK)
        rc = key_service_derive(secret_key, ret->derived);
    if (rc == OK)
        memcpy(ret->hash_key, ret->derived, sizeof(ret->hash_key));
    if (rc == OK)
        rc = crypto_derive(secret_key, SLICE("courier: the key of hashes, sealed"), ret->wrap);
    return rc == OK ? make_fingerprint(secret_key, ret->fingerprint) : rc;
}

void installation_keys_wipe(struct installation_keys *k)
{
    secret_wipe(k, sizeof(*k));
}

/* --- the hash key at rest --- */

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool unhex(struct slice text, unsigned char ret[SEALED_BYTES])
{
    if (text.len != 2 * (size_t)SEALED_BYTES)
        return false;
    for (size_t i = 0; i < SEALED_BYTES; i++) {
        int high = digit_of(text.at[2 * i]), low = digit_of(text.at[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static int open_hash_key(struct installation_keys *k, struct slice text)
{
    unsigned char sealed[SEALED_BYTES], opened[SEALED_BYTES];
    size_t len = 0;

    if (!unhex(text, sealed))
        return -EBADMSG;
    int rc = crypto_open(k->wrap, slice_of((const char *)sealed, sizeof(sealed)), hash_key_name,
                         opened, &len);
    if (rc == OK && len != sizeof(k->hash_key))
        rc = -EBADMSG;
    if (rc == OK)
        memcpy(k->hash_key, opened, sizeof(k->hash_key));
    secret_wipe(opened, sizeof(opened));
    return rc;
}

static int read_hash_key(struct installation_keys *k, struct db *db, struct arena *a)
{
    struct slice text;
    int rc = installation_repo_find(db, hash_key_name, a, &text);

    if (rc == OK)
        return open_hash_key(k, text);
    if (rc == -ENOENT) /* never rotated, whatever a snapshot file of another store said */
        memcpy(k->hash_key, k->derived, sizeof(k->hash_key));
    return rc == -ENOENT ? OK : rc;
}

/* --- the store --- */

int installation_keys_read(struct installation_keys *k, struct db *db)
{
    struct slice mine = slice_of(k->fingerprint, sizeof(k->fingerprint)), theirs;
    struct arena a;

    arena_init(&a, 0);
    int rc = installation_repo_find(db, fingerprint_name, &a, &theirs);
    if (rc == OK)
        rc = slice_eq(mine, theirs) ? read_hash_key(k, db, &a) : -EKEYREJECTED;
    arena_clear(&a);
    return rc == -ENOENT ? OK : rc;
}

int installation_keys_agree(struct installation_keys *k, struct db *db)
{
    int rc = installation_repo_agree(db, fingerprint_name,
                                     slice_of(k->fingerprint, sizeof(k->fingerprint)));

    return rc < 0 ? rc : installation_keys_read(k, db);
}

int installation_keys_replace(const struct installation_keys *from, struct installation_keys *to,
                              struct db *db)
{
    struct slice hash_key = slice_of((const char *)from->hash_key, sizeof(from->hash_key));
    unsigned char sealed[SEALED_BYTES];
    char text[2 * SEALED_BYTES];
    int rc = crypto_seal(to->wrap, hash_key, hash_key_name, sealed);

    if (rc < 0)
        return rc;
    fmt_hex(text, sealed, sizeof(sealed));
    memcpy(to->hash_key, from->hash_key, sizeof(to->hash_key));
    rc = installation_repo_set(db, hash_key_name, slice_of(text, sizeof(text)));
    return rc < 0 ? rc
                  : installation_repo_set(db, fingerprint_name,
                                          slice_of(to->fingerprint, sizeof(to->fingerprint)));
}
