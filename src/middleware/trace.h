/* trace.h: one id for a request, from the client to the provider and back. */

#pragma once

#include "web/chain.h"

/* Sets x->request_id and x->traceparent; every answer carries x-request-id. First in the chain. */
extern const struct middleware middleware_trace;
