/* router_internal.h: the router as its own files see it. */

#pragma once

#include "router/router.h"

struct router {
    struct router_options options;
};
