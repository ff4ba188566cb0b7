/* metric_page.c: docs/metrics.md, made from the table of metrics. */

#include "service/metric_table.h"
#include "service/tally.h"

static const char intro[] =
    "# Metrics\n"
    "\n"
    "<!-- made by `courier metrics-page` from the table in src/service/metric.def; do not edit "
    "-->\n"
    "\n"
    "`GET /metrics` tells them in the text format of Prometheus. It needs an admin key, as a "
    "bearer\n"
    "token, unless `metrics_listen` gives it an address of its own, which asks for none.\n"
    "\n";

static const char outro[] =
    "\n"
    "## What the labels mean\n"
    "\n"
    "- `endpoint` is the route, as `/v1/chat/completions` or `/v1/models/{id}`; `other` for a "
    "path\n"
    "  that leads nowhere.\n"
    "- `outcome` is the `status` of the usage rows: `ok`, `client_error`, `rate_limited`,\n"
    "  `upstream_error`, `upstream_timeout`, `interrupted`, `client_closed`, `gateway_error`.\n"
    "- `error_type` is the error's code, as in `docs/errors.md`; without an error it is absent.\n"
    "- `gen_ai_operation_name` is `chat` (also for `/v1/messages` and `/v1/responses`),\n"
    "  `text_completion`, `embeddings` or `count_tokens`.\n"
    "- `gen_ai_provider_name` is the provider's name in the configuration, since two accounts "
    "with\n"
    "  one vendor are two providers here; `none` when no provider was asked.\n"
    "- `gen_ai_request_model` is the model that the client asked for, `gen_ai_response_model` the\n"
    "  one of this gateway that answered (another one after a fallback). A model that does not "
    "exist\n"
    "  is `other`, so that no client can make series.\n"
    "\n";

static void add_row(struct buf *b, const struct metric *m)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    struct slice labels = slice_str(m->labels);

    buf_printf(b, "| `%s` | %s | %s | ", m->name, kinds[m->kind], m->unit);
    while (labels.len) {
        struct slice name = slice_cut(&labels, ',');
        buf_printf(b, "`%.*s`%s", SLICE_FMT(name), labels.len ? ", " : "");
    }
    buf_printf(b, " | %s |\n", m->help);
}

void metric_page(struct buf *ret)
{
    buf_add(ret, slice_str(intro));
    buf_add(ret,
            SLICE("| metric | kind | unit | labels | what it tells |\n|---|---|---|---|---|\n"));
    for (size_t i = 0; i < METRIC_ID_MAX; i++)
        add_row(ret, &metric_table[i]);
    buf_add(ret, slice_str(outro));
    buf_printf(ret,
               "A worker keeps at most %d combinations of endpoint, outcome and names apart; what "
               "comes beyond them\nis counted with `other` in place of its names.\n",
               TALLY_ROWS);
}
