/* audit.h: GET /admin/v1/audit: who changed what, newest first. */

#pragma once

#include "controller/admin/objects.h"

extern const struct route admin_audit_route;
