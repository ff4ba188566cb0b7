/* record.h: exactly one row of usage_logs for each authenticated request, whatever became of it. */

#pragma once

#include "web/chain.h"

/* Behind auth. Refuses new work while the gateway drains or the journal is nearly full. */
extern const struct middleware middleware_record;
