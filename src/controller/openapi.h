/* openapi.h: GET /openapi.json: what there is, for programs. Open to everyone: it tells nothing of
 * this installation. */

#pragma once

#include "web/chain.h"

extern const struct route route_openapi;
