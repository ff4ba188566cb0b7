/* command_version.c: courier version: what exactly is running here? */

#include "app/command.h"
#include "app/version.h"

#include <stdio.h>

static int run_version(const struct command *self, struct words words)
{
    const struct flag flags[] = {{0}};
    int code;

    if (!command_read_flags(self, flags, words, NULL, &code))
        return code;
    printf("courier %s (commit %s)\nbuilt with %s\n", courier_version, courier_commit,
           courier_libraries);
    return EXIT_GOOD;
}

const struct command command_version = {
    .name = "version",
    .summary = "Version, commit and the versions of the libraries.",
    .examples = "  courier version\n",
    .run = run_version,
};
