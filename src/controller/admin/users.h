/* users.h: /admin/v1/users */

#pragma once

#include "controller/admin/objects.h"

extern const struct route admin_user_routes[ADMIN_ROUTES];
