/* installation.c: see installation.h. */

#include "app/installation.h"

#include "app/command.h"
#include "app/secret_file.h"
#include "codec/store_url.h"
#include "repository/key_repo.h"
#include "repository/provider_repo.h"
#include "repository/repository.h"
#include "service/key_admin.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

bool installation_config(const char *path, struct config *c)
{
    if (config_load(path, c))
        return true;
    config_faults_print(&c->faults, stderr);
    config_free(c);
    return false;
}

struct migration_ear {
    struct repository_migrations base;
    void (*tell)(const char *name);
};

static void on_applied(struct repository_migrations *m, const char *name)
{
    struct migration_ear *ear = container_of(m, struct migration_ear, base);

    if (ear->tell)
        ear->tell(name);
}

static struct db *open_store(const struct config *c, void (*tell)(const char *name))
{
    struct migration_ear ear = {{on_applied}, tell};
    char why[REPOSITORY_WHY], shown[STORE_URL_SHOWN];
    struct db *db = NULL;

    if (repository_open(c->settings.store, why, &db) < 0) {
        command_complain("the store %s cannot be opened: %s",
                         store_url_redact(c->settings.store, shown), why);
        return NULL;
    }
    int rc = repository_migrate(db, &ear.base, why);
    if (rc == OK)
        return db;
    command_complain("the store %s cannot be migrated: %s%s",
                     store_url_redact(c->settings.store, shown), why,
                     rc == -ENOTSUP ? "; use the newer courier, or another store" : "");
    repository_close(db);
    return NULL;
}

bool installation_migrate(const struct config *c, void (*tell)(const char *name))
{
    struct db *db = open_store(c, tell);

    repository_close(db);
    return db != NULL;
}

/* Whether the store holds what only the lost secret key could open. */
static int depends_on_secret(struct db *db, bool *ret)
{
    struct provider_row *providers;
    struct key_row *keys;
    struct arena arena;
    size_t n;

    arena_init(&arena, 0);
    int rc = key_repo_list(db, &arena, &keys, &n);
    *ret = rc == OK && n > 0;
    if (rc == OK)
        rc = provider_repo_list(db, &arena, &providers, &n);
    for (size_t i = 0; rc == OK && i < n; i++)
        *ret |= providers[i].sealed_key.len > 0;
    arena_clear(&arena);
    return rc;
}

/* The one that a path is in. */
static int make_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *end = strrchr(path, '/');
    size_t len = end ? (size_t)(end - path) : 0;

    if (len == 0)
        return OK;
    if (len >= sizeof(folder))
        return -ENAMETOOLONG;
    memcpy(folder, path, len);
    folder[len] = '\0';
    return mkdir(folder, 0700) < 0 && errno != EEXIST ? -errno : OK;
}

static bool find_secret(struct config *c, struct db *db)
{
    struct slice path = config_place(c, "key");
    bool needed = false;

    c->secret_key = c->settings.secret_key;
    if (!secret_is_empty(c->secret_key))
        return true;
    int rc = path.at ? secret_file_read(path.at, &c->arena, &c->secret_key) : -ENOMEM;
    if (rc == -ENOENT) {
        rc = depends_on_secret(db, &needed);
        if (rc == OK && needed) {
            command_complain("%s is not there, but the store holds keys made under it: bring the "
                             "file back or set secret_key",
                             path.at);
            return false;
        }
        if (rc == OK)
            rc = make_folder(path.at);
        if (rc == OK)
            rc = secret_file_make(path.at, &c->arena, &c->secret_key);
    }
    if (rc == -EACCES)
        command_complain("the secret key %s must be readable by its owner, and by nobody else: "
                         "chmod 600",
                         path.at);
    else if (rc < 0)
        command_complain("the secret key %s cannot be read or made: %s", path.at, log_errno(rc));
    return rc == OK;
}

struct admin *installation_open(struct config *c)
{
    struct db *db = open_store(c, NULL);
    struct admin *admin = NULL;

    if (!db)
        return NULL;
    bool good = find_secret(c, db);
    repository_close(db);
    if (!good)
        return NULL;
    struct admin_options options = {c->settings.store, c->secret_key};
    int rc = admin_open(&options, &admin);
    if (rc < 0)
        command_complain("the store cannot be used: %s", log_errno(rc));
    return admin;
}
