/* routes.h: every path that the gateway answers. */

#pragma once

#include "web/chain.h"

/* Ended by NULL; for struct chain. */
extern const struct route *const controller_routes[];
/* The same for the address that is only for watching. */
extern const struct route *const controller_metrics_routes[];
