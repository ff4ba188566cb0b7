/* routes.c: the table of paths; each resource keeps its own rows in its own file. */

#include "controller/routes.h"

#include "controller/admin/audit.h"
#include "controller/admin/health.h"
#include "controller/admin/keys.h"
#include "controller/admin/logs.h"
#include "controller/admin/models.h"
#include "controller/admin/prompts.h"
#include "controller/admin/providers.h"
#include "controller/admin/usage.h"
#include "controller/admin/users.h"
#include "controller/calls.h"
#include "controller/health.h"
#include "controller/metrics.h"
#include "controller/models.h"
#include "controller/openapi.h"

/* of ADMIN_ROUTES */
#define ALL(routes) &(routes)[0], &(routes)[1], &(routes)[2], &(routes)[3], &(routes)[4]

/* clang-format off */
const struct route *const controller_routes[] = {
    &route_chat_completions, /* first: nearly every request is one */
    &route_messages, &route_count_tokens, &route_responses, &route_embeddings, &route_completions,
    &route_models, &route_model, &route_healthz, &route_readyz,
    &route_metrics,
    ALL(admin_user_routes), ALL(admin_key_routes), &admin_key_rotate_route,
    ALL(admin_provider_routes), ALL(admin_model_routes), &admin_audit_route,
    &admin_logs_route, &admin_prompts_route, &admin_usage_route, &route_usage, &route_openapi,
    &admin_health_route,
    NULL,
};
/* clang-format on */

const struct route *const controller_metrics_routes[] = {
    &route_metrics_open,
    &route_healthz,
    &route_readyz,
    NULL,
};
