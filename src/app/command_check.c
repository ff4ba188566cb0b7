/* command_check.c: courier check: is the configuration good? */

#include "app/command.h"
#include "app/config_file.h"

static int run_check(const struct command *self, struct words words)
{
    const char *path = NULL;
    const struct flag flags[] = {
        {"config",             "FILE", "the file to check", &path, NULL},
        {0},
    };
    struct config config;
    int code;

    if (!command_read_flags(self, flags, words, NULL, &code))
        return code;
    bool good = config_load(path, &config);
    if (!good)
        config_faults_print(&config.faults, stdout);
    else
        printf("OK: %.*s, %zu providers, %zu models\n",
               SLICE_FMT(config.file.len ? config.file : SLICE("no file, defaults")),
               config.providers_len, config.models_len);
    config_free(&config);
    return good ? EXIT_GOOD : EXIT_FAILED;
}

const struct command command_check = {
    .name = "check",
    .summary = "Validates the configuration: each fault with its line and what is allowed.",
    .about = "Reads the file and the environment as `courier serve` would, and starts nothing.\n"
             "Exit code 1 when there is a fault.\n",
    .examples = "  courier check\n  courier check --config /etc/courier/courier.yaml\n",
    .run = run_check,
};
