/* admin.c: an open store and the keys to what is in it. */

#include "service/admin.h"

#include "base/fmt.h"
#include "base/log.h"
#include "io/crypto.h"
#include "repository/installation_repo.h"
#include "repository/repository.h"
#include "service/key_service.h"

#include <errno.h>
#include <stdlib.h>

static void tell_applied(struct repository_migrations *m, const char *name)
{
    (void)m;
    log_event(LOG_INFO, "migration applied", LOG_STR("migration", name), LOG_END);
}

static int open_store(struct slice store, struct db **ret)
{
    struct repository_migrations heard = {.applied = tell_applied};
    char why[REPOSITORY_WHY];
    int rc = repository_open(store, why, ret);

    if (rc == OK)
        rc = repository_migrate(*ret, &heard, why);
    if (rc < 0)
        log_event(LOG_ERROR, "the store cannot be opened", LOG_STR("why", why), LOG_RC(rc),
                  LOG_END);
    return rc;
}

static int make_keys(struct admin *a, struct secret secret_key)
{
    unsigned char derived[KEY_HASH_LEN];
    int rc = secret_is_empty(secret_key) ? -EINVAL : key_service_derive(secret_key, derived);

    if (rc == OK)
        rc = seal_init(&a->seal, secret_key);
    if (rc < 0)
        return rc;
    a->hmac = hmac_new(secret_of(slice_of((const char *)derived, sizeof(derived))));
    secret_wipe(derived, sizeof(derived));
    return a->hmac ? OK : -ENOMEM;
}

/* Nobody can tell the secret from what is left in the store. */
static int make_fingerprint(struct secret secret_key, char ret[2 * SHA256_LEN])
{
    unsigned char derived[SHA256_LEN], signature[SHA256_LEN];
    int rc = crypto_derive(secret_key, SLICE("courier fingerprint"), derived);

    if (rc == OK)
        rc = crypto_derive(secret_of(slice_of((const char *)derived, sizeof(derived))),
                           SLICE("courier installation"), signature);
    secret_wipe(derived, sizeof(derived));
    if (rc == OK)
        fmt_hex(ret, signature, sizeof(signature));
    return rc;
}

/* Under another secret every key would be unknown and no provider's key would open. */
static int check_secret(struct db *db, struct secret secret_key)
{
    char fingerprint[2 * SHA256_LEN];
    int rc = make_fingerprint(secret_key, fingerprint);

    return rc < 0 ? rc
                  : installation_repo_agree(db, SLICE("secret_key"),
                                            slice_of(fingerprint, sizeof(fingerprint)));
}

int admin_open(const struct admin_options *options, struct admin **ret)
{
    struct admin *a = calloc(1, sizeof(*a));

    *ret = NULL;
    if (!a)
        return -ENOMEM;
    int rc = make_keys(a, options->secret_key);
    if (rc == OK)
        rc = open_store(options->store, &a->db);
    if (rc == OK)
        rc = check_secret(a->db, options->secret_key);
    if (rc < 0) {
        admin_close(a);
        return rc;
    }
    *ret = a;
    return OK;
}

int admin_new(const struct admin_options *options, struct admin **ret)
{
    struct admin *a = calloc(1, sizeof(*a));

    *ret = NULL;
    if (!a)
        return -ENOMEM;
    a->store = strndup(options->store.at ? options->store.at : "", options->store.len);
    int rc = a->store ? make_keys(a, options->secret_key) : -ENOMEM;
    if (rc < 0) {
        admin_close(a);
        return rc;
    }
    *ret = a;
    return OK;
}

int admin_connect(struct admin *a)
{
    char why[REPOSITORY_WHY];

    if (a->db)
        return OK;
    int rc = repository_open(slice_str(a->store), why, &a->db);
    if (rc < 0)
        log_event(LOG_WARN, "the store cannot be opened for the administration",
                  LOG_STR("why", why), LOG_RC(rc), LOG_END);
    return rc;
}

void admin_disconnect(struct admin *a)
{
    repository_close(a->db);
    a->db = NULL;
}

void admin_close(struct admin *a)
{
    if (!a)
        return;
    repository_close(a->db);
    free(a->store);
    hmac_free(a->hmac);
    seal_wipe(&a->seal);
    free(a);
}
