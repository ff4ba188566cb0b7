/* health.h: GET /admin/v1/health: how the gateway and what it stands on are. */

#pragma once

#include "web/chain.h"

extern const struct route admin_health_route;
