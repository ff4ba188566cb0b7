/* command_secrets.c: courier secrets rotate: another secret_key.
 *
 * When the key is the installation's own file, a new one is made beside it, and takes its place
 * once the store is sealed under it: a crash in between leaves both files. */

#include "app/command.h"
#include "app/installation.h"
#include "app/secret_file.h"

#include "base/durable.h"
#include "base/log.h"
#include "service/secrets_admin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct rotation {
    struct config config;
    struct secret secret_key;
    struct slice made; /* the file of the new key that this command made; empty: it was given */
};

static bool make_key(struct rotation *r)
{
    r->made =
        arena_printf(&r->config.arena, "%.*s.new", SLICE_FMT(config_place(&r->config, "key")));
    int rc = r->made.at ? secret_file_make(r->made.at, &r->config.arena, &r->secret_key) : -ENOMEM;

    if (rc < 0)
        command_complain("the new secret key cannot be made in %s: %s",
                         r->made.at ? r->made.at : "", log_errno(rc));
    return rc == OK;
}

static bool read_key(struct rotation *r, const char *path)
{
    int rc = secret_file_read(path, &r->config.arena, &r->secret_key);

    if (rc == -EACCES)
        command_complain("%s must be readable by its owner, and by nobody else: chmod 600", path);
    else if (rc < 0)
        command_complain("%s holds no secret key, which `openssl rand -hex 32` makes: %s", path,
                         log_errno(rc));
    return rc == OK;
}

static bool find_key(struct rotation *r, const char *path)
{
    if (path)
        return read_key(r, path);
    if (secret_is_empty(r->config.settings.secret_key))
        return make_key(r);
    command_complain("secret_key is a setting here: put the new one into a file that only you can "
                     "read, and give --new-key-file");
    return false;
}

static void complain(int rc)
{
    if (rc == -EALREADY)
        command_complain("that is the secret_key in use");
    else if (rc == -EKEYREJECTED)
        command_complain("the store was sealed under another secret_key meanwhile");
    else
        command_complain("nothing was changed: %s", log_errno(rc));
}

static bool take_place(struct rotation *r)
{
    struct slice path = config_place(&r->config, "key");
    int rc = OK;

    if (r->made.len)
        rc = rename(r->made.at, path.at) < 0 ? -errno : durable_name(path.at);
    if (rc == OK)
        return true;
    command_complain("the store is sealed under the key in %s, but it cannot take the place of %s: "
                     "%s; move it there",
                     r->made.at, path.at, log_errno(rc));
    return false;
}

static int rotate(struct rotation *r, struct admin *admin)
{
    struct secrets_rotated told;
    int rc = secrets_admin_rotate(admin, r->secret_key, &told);

    if (rc < 0) {
        complain(rc);
        if (r->made.len)
            remove(r->made.at);
        return EXIT_FAILED;
    }
    if (!take_place(r))
        return EXIT_FAILED;
    printf("%zu keys of providers were sealed anew\n", told.sealed);
    if (told.unreadable)
        printf("%zu could not be opened before either; give them again\n", told.unreadable);
    puts(r->made.len
             ? "restart the gateways that run: until then they serve what they had loaded"
             : "set secret_key to the new one and restart the gateways that run: until then "
               "they serve what they had loaded");
    return EXIT_GOOD;
}

static int run_rotate(const struct command *self, struct words words)
{
    const char *path = NULL, *config = NULL;
    const struct flag flags[] = {
        {"new-key-file",                                         "FILE", "the new secret_key (made, when the present one was)", &path,
         NULL},
        {"config", "FILE", "the configuration", &config, NULL},
        {0                                                  },
    };
    struct rotation r = {.made = {0}};
    int code;

    if (!command_read_flags(self, flags, words, NULL, &code))
        return code;
    if (!installation_config(config, &r.config))
        return EXIT_FAILED;
    struct admin *admin = installation_open(&r.config);
    code = admin && find_key(&r, path) ? rotate(&r, admin) : EXIT_FAILED;
    admin_close(admin);
    config_free(&r.config);
    return code;
}

const struct command command_secrets_rotate = {
    .name = "secrets rotate",
    .summary = "Another secret_key: seals the providers' keys anew.",
    .about =
        "Users' keys stay good. Gateways that run serve on with what they had loaded, and must\n"
        "be restarted with the new secret_key, one after the other.\n",
    .examples = "  courier secrets rotate\n"
                "  (umask 077; openssl rand -hex 32 > new.key)\n"
                "  courier secrets rotate --new-key-file new.key\n",
    .run = run_rotate,
};
