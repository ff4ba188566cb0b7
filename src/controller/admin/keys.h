/* keys.h: /admin/v1/keys, and POST /admin/v1/keys/{id}/rotate */

#pragma once

#include "controller/admin/objects.h"

extern const struct route admin_key_routes[ADMIN_ROUTES], admin_key_rotate_route;
