/* providers.h: /admin/v1/providers */

#pragma once

#include "controller/admin/objects.h"

extern const struct route admin_provider_routes[ADMIN_ROUTES];
