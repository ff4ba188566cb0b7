/* models.h: /admin/v1/models */

#pragma once

#include "controller/admin/objects.h"

extern const struct route admin_model_routes[ADMIN_ROUTES];
