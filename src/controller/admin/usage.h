/* usage.h: GET /admin/v1/usage, and GET /v1/usage, where a key sees its own. */

#pragma once

#include "controller/admin/objects.h"

extern const struct route admin_usage_route, route_usage;
