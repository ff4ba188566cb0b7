/* command_migrate.c: courier migrate: brings the store's schema up to date. */

#include "app/command.h"
#include "app/installation.h"

#include <stdio.h>

static unsigned applied;

static void tell(const char *name)
{
    printf("applied %s\n", name);
    applied++;
}

static int run_migrate(const struct command *self, struct words words)
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
    bool good = installation_migrate(&config, tell);
    if (good && !applied)
        puts("nothing to apply");
    config_free(&config);
    return good ? EXIT_GOOD : EXIT_FAILED;
}

const struct command command_migrate = {
    .name = "migrate",
    .summary = "Applies pending migrations of the store and says which.",
    .about = "`courier serve` does the same when it starts.\n",
    .examples = "  courier migrate\n  courier migrate --config /etc/courier/courier.yaml\n",
    .run = run_migrate,
};
