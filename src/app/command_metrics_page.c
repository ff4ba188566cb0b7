/* command_metrics_page.c: courier metrics-page: the reference of all metrics, docs/metrics.md. */

#include "app/command.h"
#include "service/metric_table.h"

#include <stdio.h>

static int run_metrics_page(const struct command *self, struct words words)
{
    const struct flag flags[] = {{0}};
    struct buf page;
    int code;

    if (!command_read_flags(self, flags, words, NULL, &code))
        return code;
    buf_init(&page, 1 << 20);
    metric_page(&page);
    fwrite(page.at, 1, page.len, stdout);
    code = page.rc < 0 ? EXIT_FAILED : EXIT_GOOD;
    buf_free(&page);
    return code;
}

const struct command command_metrics_page = {
    .name = "metrics-page",
    .summary = "Prints the reference of all metrics, as Markdown.",
    .examples = "  courier metrics-page >docs/metrics.md\n",
    .run = run_metrics_page,
};
