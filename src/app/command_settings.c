/* command_settings.c: courier settings: the reference of all settings, docs/configuration.md. */

#include "app/command.h"
#include "app/settings.h"

static int run_settings(const struct command *self, struct words words)
{
    return command_print_page(self, words, settings_page);
}

const struct command command_settings = {
    .name = "settings",
    .summary = "Prints the reference of all settings, as Markdown.",
    .examples = "  courier settings | less\n  courier settings >docs/configuration.md\n",
    .run = run_settings,
};
