/* command_settings.c: courier settings: the reference of all settings, docs/configuration.md. */

#include "app/command.h"
#include "app/settings.h"

#include <stdio.h>

static int run_settings(const struct command *self, struct words words)
{
    const struct flag flags[] = {{0}};
    struct buf page;
    int code;

    if (!command_read_flags(self, flags, words, NULL, &code))
        return code;
    buf_init(&page, 1 << 20);
    settings_page(&page);
    fwrite(page.at, 1, page.len, stdout);
    code = page.rc < 0 ? EXIT_FAILED : EXIT_GOOD;
    buf_free(&page);
    return code;
}

const struct command command_settings = {
    .name = "settings",
    .summary = "Prints the reference of all settings, as Markdown.",
    .examples = "  courier settings | less\n  courier settings >docs/configuration.md\n",
    .run = run_settings,
};
