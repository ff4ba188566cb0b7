/* command_key.c: courier key list and courier key revoke. */

#include "app/command.h"
#include "app/installation.h"

#include "base/clock.h"
#include "service/key_admin.h"

#include <errno.h>
#include <stdio.h>

static const char *state_of(const struct key_row *k, uint64_t now)
{
    if (k->revoked)
        return "revoked";
    if (k->disabled || k->user_off)
        return "disabled";
    return k->expires_wall_us && k->expires_wall_us <= now ? "expired" : "active";
}

static void print_limit(uint64_t n)
{
    if (n)
        printf("%llu\t", (unsigned long long)n);
    else
        printf("-\t");
}

static void print_key(const struct key_row *k, uint64_t now)
{
    char expires[CLOCK_RFC3339_LEN + 1] = "never";

    if (k->expires_wall_us)
        clock_rfc3339(k->expires_wall_us, expires);
    printf("%lld\t%.*s\t%.*s\t%.*s…\t%s\t%s\t", (long long)k->id, SLICE_FMT(k->user_name),
           SLICE_FMT(k->name.len ? k->name : SLICE("-")), SLICE_FMT(k->prefix), state_of(k, now),
           k->admin ? "admin" : "-");
    print_limit(k->rpm);
    print_limit(k->tpm);
    print_limit(k->concurrency);
    printf("%.*s\t%s\n", SLICE_FMT(k->models.len ? k->models : SLICE("all")), expires);
}

static int list_keys(struct admin *admin)
{
    struct arena arena;
    struct key_row *keys;
    size_t n;

    arena_init(&arena, 0);
    int rc = key_admin_list(admin, &arena, &keys, &n);
    if (rc < 0)
        command_complain("the keys cannot be listed: %s", log_errno(rc));
    else
        puts("id\tuser\tname\tkey\tstate\tadmin\trpm\ttpm\tconcurrency\tmodels\texpires");
    for (size_t i = 0; rc == OK && i < n; i++)
        print_key(&keys[i], clock_wall_us());
    arena_clear(&arena);
    return rc == OK ? EXIT_GOOD : EXIT_FAILED;
}

static int run_list(const struct command *self, struct words words)
{
    const char *path = NULL;
    const struct flag flags[] = {
        {"config",             "FILE", "the configuration", &path, NULL},
        {0},
    };
    struct config config;
    int code;

    if (!command_read_flags(self, flags, words, NULL, &code))
        return code;
    if (!installation_config(path, &config))
        return EXIT_FAILED;
    struct admin *admin = installation_open(&config);
    code = admin ? list_keys(admin) : EXIT_FAILED;
    admin_close(admin);
    config_free(&config);
    return code;
}

const struct command command_key_list = {
    .name = "key list",
    .summary = "Lists all keys: one on a line, columns separated by tabs.",
    .examples = "  courier key list\n  courier key list | column -t -s \"$(printf '\\t')\"\n",
    .run = run_list,
};

static int revoke_key(struct admin *admin, uint64_t id)
{
    int rc = id <= INT64_MAX ? key_admin_revoke(admin, (int64_t)id) : -ENOENT;
    bool any;

    if (rc == OK)
        fprintf(stderr, "key %llu is revoked\n", (unsigned long long)id);
    else if (rc == -ENOENT)
        command_complain("there is no key %llu; see `courier key list`", (unsigned long long)id);
    else
        command_complain("the key could not be revoked: %s", log_errno(rc));
    if (rc == OK && key_admin_has_admin(admin, &any) == OK && !any)
        command_complain("no admin key is left: make one with `courier key create --admin`, or the "
                         "next start of the gateway makes one and prints it");
    return rc == OK ? EXIT_GOOD : EXIT_FAILED;
}

static int run_revoke(const struct command *self, struct words words)
{
    const char *path = NULL, *text = NULL;
    const struct flag flags[] = {
        {"config",             "FILE", "the configuration", &path, NULL},
        {0},
    };
    struct config config;
    uint64_t id;
    int code;

    if (!command_read_flags(self, flags, words, &text, &code))
        return code;
    if (slice_to_u64(slice_str(text), &id) < 0) {
        command_complain("ID is the number that `courier key list` shows, not \"%s\"", text);
        return EXIT_USAGE;
    }
    if (!installation_config(path, &config))
        return EXIT_FAILED;
    struct admin *admin = installation_open(&config);
    code = admin ? revoke_key(admin, id) : EXIT_FAILED;
    admin_close(admin);
    config_free(&config);
    return code;
}

const struct command command_key_revoke = {
    .name = "key revoke",
    .summary = "Revokes a key. A running gateway refuses it within a second.",
    .operand = "ID",
    .examples = "  courier key revoke 7\n",
    .run = run_revoke,
};
