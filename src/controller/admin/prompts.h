/* prompts.h: /admin/v1/prompts. */

#pragma once

#include "controller/admin/objects.h"

/* GET: stored prompts and answers, newest first; who read them is told in the audit log. */
extern const struct route admin_prompts_route;
