/* routes.c: the table of paths; each resource keeps its own rows in its own file. */

#include "controller/routes.h"

#include "controller/calls.h"
#include "controller/health.h"
#include "controller/metrics.h"
#include "controller/models.h"

/* clang-format off */
const struct route *const controller_routes[] = {
    &route_chat_completions, /* first: nearly every request is one */
    &route_messages, &route_count_tokens, &route_responses, &route_embeddings, &route_completions,
    &route_models, &route_model, &route_healthz, &route_readyz,
    &route_metrics, NULL,
};
/* clang-format on */

const struct route *const controller_metrics_routes[] = {
    &route_metrics_open,
    &route_healthz,
    &route_readyz,
    NULL,
};
