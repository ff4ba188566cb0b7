/* installation.c: see installation.h. */

#include "app/installation.h"

#include "app/command.h"
#include "app/secret_file.h"
#include "base/durable.h"
#include "codec/store_url.h"
#include "repository/key_repo.h"
#include "repository/provider_repo.h"
#include "repository/repository.h"
#include "service/key_admin.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

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

static int say(char why[INSTALLATION_WHY], int rc, const char *format, ...) PRINTF_LIKE(3, 4);

/* Returns rc. */
static int say(char why[INSTALLATION_WHY], int rc, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why, INSTALLATION_WHY, format, args);
    va_end(args);
    return rc;
}

static int open_store(const struct config *c, void (*tell)(const char *name), struct db **ret,
                      char why[INSTALLATION_WHY])
{
    struct migration_ear ear = {{on_applied}, tell};
    char words[REPOSITORY_WHY], shown[STORE_URL_SHOWN];
    const char *store = store_url_redact(c->settings.store, shown);
    int rc = repository_open(c->settings.store, words, ret);

    if (rc < 0)
        return say(why, rc, "the store %s cannot be opened: %s", store, words);
    rc = repository_migrate(*ret, &ear.base, words);
    if (rc == OK)
        return OK;
    repository_close(*ret);
    *ret = NULL;
    return say(why, rc, "the store %s cannot be migrated: %s%s", store, words,
               rc == -ENOTSUP ? "; use the newer courier, or another store" : "");
}

bool installation_migrate(const struct config *c, void (*tell)(const char *name))
{
    char why[INSTALLATION_WHY];
    struct db *db = NULL;
    int rc = open_store(c, tell, &db, why);

    if (rc < 0)
        command_complain("%s", why);
    repository_close(db);
    return rc == OK;
}

bool installation_is_away(const struct config *c, int rc)
{
    bool passes = rc == -ECONNREFUSED || rc == -ETIMEDOUT || rc == -EPIPE || rc == -EBUSY;

    return passes && store_url_is_postgres(c->settings.store);
}

/* --- the secret key --- */

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

static int tell_secret(char why[INSTALLATION_WHY], const char *path, int rc)
{
    if (rc == -EACCES)
        return say(why, rc,
                   "the secret key %s must be readable by its owner, and by nobody else: chmod 600",
                   path);
    return say(why, rc, "the secret key %s cannot be read or made: %s", path ? path : "",
               log_errno(rc));
}

int installation_secret(struct config *c, char ret_why[INSTALLATION_WHY])
{
    if (secret_is_empty(c->secret_key))
        c->secret_key = c->settings.secret_key;
    if (!secret_is_empty(c->secret_key))
        return OK;
    struct slice path = config_place(c, "key");
    int rc = path.at ? secret_file_read(path.at, &c->arena, &c->secret_key) : -ENOMEM;
    return rc < 0 ? tell_secret(ret_why, path.at, rc) : OK;
}

/* At the first start, of a store that knows no other. */
static int make_secret(struct config *c, struct db *db, char why[INSTALLATION_WHY])
{
    struct slice path = config_place(c, "key");
    bool needed = false;
    int rc = path.at ? depends_on_secret(db, &needed) : -ENOMEM;

    if (rc == OK && needed)
        return say(
            why, -ENOENT,
            "%s is not there, but the store holds keys made under it: bring the file back or "
            "set secret_key",
            path.at);
    if (rc == OK)
        rc = durable_folders(path.at);
    if (rc == OK)
        rc = secret_file_make(path.at, &c->arena, &c->secret_key);
    return rc < 0 ? tell_secret(why, path.at, rc) : OK;
}

/* --- both --- */

int installation_try(struct config *c, struct admin **ret, char ret_why[INSTALLATION_WHY])
{
    struct db *db = NULL;
    int rc = open_store(c, NULL, &db, ret_why);

    *ret = NULL;
    if (rc < 0)
        return rc;
    rc = installation_secret(c, ret_why);
    if (rc == -ENOENT)
        rc = make_secret(c, db, ret_why);
    repository_close(db);
    if (rc < 0)
        return rc;
    struct admin_options options = {c->settings.store, c->secret_key};
    rc = admin_open(&options, ret);
    if (rc == -EKEYREJECTED)
        return say(ret_why, rc,
                   "what is in the store was made under another secret_key: give this courier the "
                   "one that the first had (the setting, or its file %.*s)",
                   SLICE_FMT(config_place(c, "key")));
    return rc < 0 ? say(ret_why, rc, "the store cannot be used: %s", log_errno(rc)) : OK;
}

struct admin *installation_open(struct config *c)
{
    char why[INSTALLATION_WHY];
    struct admin *admin;

    if (installation_try(c, &admin, why) < 0)
        command_complain("%s", why);
    return admin;
}
