/* metrics.h: GET /metrics, for Prometheus. */

#pragma once

#include "web/chain.h"

/* With an admin key; and the same open to everyone, for an address of its own. */
extern const struct route route_metrics, route_metrics_open;
