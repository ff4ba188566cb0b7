/* logs.h: GET /admin/v1/logs: the call log, a page at a time; with format=csv or jsonl all of it.
 */

#pragma once

#include "controller/admin/objects.h"

extern const struct route admin_logs_route;
