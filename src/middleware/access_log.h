/* access_log.h: one line for each request, when it has ended. */

#pragma once

#include "web/chain.h"

/* Behind trace. Never tells prompts, answers, keys or a query. */
extern const struct middleware middleware_access_log;
