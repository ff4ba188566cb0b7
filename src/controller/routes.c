/* routes.c: the table of paths; each resource keeps its own rows in its own file. */

#include "controller/routes.h"

#include "controller/chat.h"
#include "controller/health.h"
#include "controller/models.h"

const struct route *const controller_routes[] = {
    &route_chat_completions, /* first: nearly every request is one */
    &route_models,           &route_model, &route_healthz, &route_readyz, NULL,
};
