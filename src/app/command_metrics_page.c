/* command_metrics_page.c: courier metrics-page: the reference of all metrics, docs/metrics.md. */

#include "app/command.h"
#include "service/metric_table.h"

static int run_metrics_page(const struct command *self, struct words words)
{
    return command_print_page(self, words, metric_page);
}

const struct command command_metrics_page = {
    .name = "metrics-page",
    .summary = "Prints the reference of all metrics, as Markdown.",
    .examples = "  courier metrics-page >docs/metrics.md\n",
    .run = run_metrics_page,
};
