/* command_key_create.c: courier key create: a key for a user, from the shell.
 *
 * The key itself goes to standard output, alone on its line, so that a script can take it; what is
 * said about it goes to standard error. A gateway that is running learns of it by itself. */

#include "app/command.h"
#include "app/installation.h"

#include "base/clock.h"
#include "base/fmt.h"
#include "model/setting.h"
#include "service/key_admin.h"
#include "wire/setting_value.h"

#include <errno.h>
#include <stdio.h>

struct create_flags {
    const char *config, *user, *name, *rpm, *tpm, *concurrency, *models, *expires;
    bool admin;
};

enum { ALLOWED_BYTES = 4096 };

/* The value of a flag, by the setting that the admin API reads it with; text NULL: not given. */
static bool read_setting(const struct setting *s, const char *flag, const char *text, void *row)
{
    const char *why;
    struct buf allowed;

    if (!text || setting_set(s, row, slice_str(text), &why))
        return true;
    buf_init(&allowed, ALLOWED_BYTES);
    setting_allowed(s, &allowed);
    command_complain("--%s %s; allowed: %.*s", flag, why, SLICE_FMT(buf_slice(&allowed)));
    buf_free(&allowed);
    return false;
}

/* One of the table's. */
static const struct setting *setting_of(const struct setting *table, const char *name)
{
    while (strcmp(table->path, name) != 0)
        table++;
    return table;
}

static bool read_member(const char *name, const char *text, struct key_row *row)
{
    return read_setting(setting_of(settings_key, name), name, text, row);
}

/* As a member; "0" is no limit. */
static bool read_limit(const char *name, const char *text, struct key_row *row)
{
    return (text && strcmp(text, "0") == 0) || read_member(name, text, row);
}

/* From now ("30d"), or a date. */
static bool read_expiry(const char *text, uint64_t *ret_wall_us)
{
    uint64_t ms, now = clock_wall_us();

    if (!text)
        return true;
    if (parse_duration(slice_str(text), &ms) == OK && ms > 0)
        *ret_wall_us = now + MIN(ms, (UINT64_MAX - now) / 1000) * 1000;
    else if (clock_parse_rfc3339(slice_str(text), ret_wall_us) < 0 || *ret_wall_us <= now) {
        command_complain("--expires must be a duration like 12h or 30d, or a date to come like "
                         "2030-01-31T12:00:00Z");
        return false;
    }
    return true;
}

static bool read_wish(const struct create_flags *f, struct key_wish *ret)
{
    struct user_row user = {0};
    struct key_row row = {0};

    if (!f->user || slice_is_empty(slice_trim(slice_str(f->user)))) {
        command_complain("--user is missing: whose key is it to be?");
        return false;
    }
    if (f->models && !*f->models) { /* of a variable that is not set: not every model */
        command_complain("--models is empty; leave it out for a key that may use all");
        return false;
    }
    bool good = read_setting(setting_of(settings_user, "name"), "user", f->user, &user) &&
                read_member("name", f->name, &row) && read_member("models", f->models, &row) &&
                read_limit("rpm", f->rpm, &row) && read_limit("tpm", f->tpm, &row) &&
                read_limit("concurrency", f->concurrency, &row) &&
                read_expiry(f->expires, &row.expires_wall_us);
    *ret = (struct key_wish){.user = user.name,
                             .name = row.name,
                             .rpm = row.rpm,
                             .tpm = row.tpm,
                             .concurrency = row.concurrency,
                             .models = row.models,
                             .expires_wall_us = row.expires_wall_us,
                             .admin = f->admin};
    return good;
}

static int make_key(struct admin *admin, const struct key_wish *wish)
{
    struct key_row row;
    struct secret key;
    struct arena arena;

    arena_init(&arena, 0);
    int rc = key_admin_create(admin, wish, &arena, &row, &key);
    if (rc == OK) {
        fprintf(stderr, "key %lld of user %.*s%s; this is the only time that it is shown:\n",
                (long long)row.id, SLICE_FMT(wish->user), wish->admin ? ", an administrator" : "");
        printf("%.*s\n", SLICE_FMT(secret_reveal(key)));
        if (row.user_off)
            command_complain("the user is disabled: the key is refused until the user is enabled");
    } else {
        command_complain("the key could not be made: %s", log_errno(rc));
    }
    arena_clear(&arena);
    return rc == OK ? EXIT_GOOD : EXIT_FAILED;
}

static int run_create(const struct command *self, struct words words)
{
    struct create_flags f = {0};
    const struct flag flags[] = {
        {"user",                                                   "NAME", "whose key it is; made when there is none of that name", &f.user, NULL},
        {"name", "NAME", "what it is for", &f.name, NULL},
        {"rpm",                                                    "N", "requests a minute (no limit)", &f.rpm, NULL},
        {"tpm",                                                   "N", "tokens a minute (no limit)", &f.tpm, NULL},
        {"concurrency",                                        "N", "requests at a time (no limit)", &f.concurrency, NULL},
        {"models",                                                    "A,B", "may use only these models (all)", &f.models, NULL},
        {"expires",                                                    "TIME", "30d from now, or a date (never)", &f.expires, NULL},
        {"admin",                          NULL, "may administer, too", NULL, &f.admin},
        {"config",                                                    "FILE", "the configuration", &f.config, NULL},
        {0                                                   },
    };
    struct config config;
    struct key_wish wish;
    int code;

    if (!command_read_flags(self, flags, words, NULL, &code))
        return code;
    if (!read_wish(&f, &wish))
        return EXIT_USAGE;
    if (!installation_config(f.config, &config))
        return EXIT_FAILED;
    struct admin *admin = installation_open(&config);
    code = admin ? make_key(admin, &wish) : EXIT_FAILED;
    admin_close(admin);
    config_free(&config);
    return code;
}

const struct command command_key_create = {
    .name = "key create",
    .summary = "Makes a key and prints it, once.",
    .about =
        "The key alone goes to standard output. A running gateway accepts it within a second.\n",
    .examples =
        "  courier key create --user ann\n"
        "  courier key create --user ci --name build --rpm 60 --models gpt-4o --expires 30d\n"
        "  KEY=$(courier key create --user me --admin)\n",
    .run = run_create,
};
