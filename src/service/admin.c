/* admin.c: an open store and the keys to what is in it. */

#include "service/admin.h"

#include "base/log.h"
#include "io/crypto.h"
#include "repository/repository.h"

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

/* -EKEYREJECTED is told by whoever asked. */
static int make_hmac(struct admin *a)
{
    struct slice key = slice_of((const char *)a->keys.hash_key, sizeof(a->keys.hash_key));

    if (!a->hmac)
        a->hmac = hmac_new(secret_of(key));
    return a->hmac ? OK : -ENOMEM;
}

int admin_open(const struct admin_options *options, struct admin **ret)
{
    struct admin *a = calloc(1, sizeof(*a));

    *ret = NULL;
    if (!a)
        return -ENOMEM;
    int rc = installation_keys_derive(options->secret_key, &a->keys);
    if (rc == OK)
        rc = open_store(options->store, &a->db);
    if (rc == OK)
        rc = installation_keys_agree(&a->keys, a->db);
    if (rc == OK)
        rc = make_hmac(a);
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
    int rc = a->store ? installation_keys_derive(options->secret_key, &a->keys) : -ENOMEM;
    if (rc < 0) {
        admin_close(a);
        return rc;
    }
    *ret = a;
    return OK;
}

static void tell_rotated(void)
{
    log_event(LOG_ERROR,
              "the secret_key was rotated: restart this courier with the new one; until then "
              "nothing can be administered here",
              LOG_END);
}

int admin_connect(struct admin *a)
{
    char why[REPOSITORY_WHY];

    if (a->db)
        return OK;
    int rc = repository_open(slice_str(a->store), why, &a->db);
    if (rc < 0) {
        log_event(LOG_WARN, "the store cannot be opened for the administration",
                  LOG_STR("why", why), LOG_RC(rc), LOG_END);
        return rc;
    }
    rc = installation_keys_read(&a->keys, a->db);
    if (rc == OK)
        rc = make_hmac(a);
    if (rc == -EKEYREJECTED)
        tell_rotated();
    if (rc < 0)
        admin_disconnect(a);
    return rc;
}

int admin_begin(struct admin *a)
{
    int rc = repository_begin(a->db);

    if (rc < 0)
        return rc;
    rc = installation_keys_read(&a->keys, a->db);
    if (rc == -EKEYREJECTED)
        tell_rotated();
    return rc < 0 ? repository_end(a->db, rc) : OK;
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
    installation_keys_wipe(&a->keys);
    free(a);
}
