/* auth.h: who is asking? */

#pragma once

#include "web/chain.h"

/* Sets x->snapshot and x->principal, which live as long as the exchange, or answers 401 (503 when
 * no keys are loaded yet; 403 on routes for admins). Open routes pass. */
extern const struct middleware middleware_auth;
