/* health.h: is the gateway alive, may it take traffic? Open to everyone, tells nothing else. */

#pragma once

#include "web/chain.h"

extern const struct route route_healthz, route_readyz;
