/* played_gateway.h: a gateway of real services whose server the test plays. */

#pragma once

#include "support/fake_server.h"
#include "support/gateway_rig.h"

/* The request that fake_request began goes its way. */
static inline void rig_serve(void)
{
    fake_serve(&chain_server_events, &rig.chain);
}
