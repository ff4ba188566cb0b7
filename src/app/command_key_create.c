/* command_key_create.c: courier key create: a key for a user, from the shell.
 *
 * The key itself goes to standard output, alone on its line, so that a script can take it; what is
 * said about it goes to standard error. A gateway that is running learns of it by itself. */

#include "app/command.h"
#include "app/installation.h"

#include "base/clock.h"
#include "base/fmt.h"
#include "service/key_admin.h"

#include <errno.h>
#include <stdio.h>

struct create_flags {
    const char *config, *user, *name, *rpm, *tpm, *concurrency, *models, *expires;
    bool admin;
};

static bool read_limit(const char *flag, const char *text, uint64_t *ret)
{
    if (!text || slice_to_u64(slice_str(text), ret) == OK)
        return true;
    command_complain("--%s must be a whole number, 0 for no limit", flag);
    return false;
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
    *ret = (struct key_wish){
        .user = slice_str(f->user),
        .name = slice_str(f->name ? f->name : ""),
        .models = slice_str(f->models ? f->models : ""),
        .admin = f->admin,
    };
    if (slice_is_empty(slice_trim(ret->user))) {
        command_complain("--user is missing: whose key is it to be?");
        return false;
    }
    return read_limit("rpm", f->rpm, &ret->rpm) && read_limit("tpm", f->tpm, &ret->tpm) &&
           read_limit("concurrency", f->concurrency, &ret->concurrency) &&
           read_expiry(f->expires, &ret->expires_wall_us);
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
