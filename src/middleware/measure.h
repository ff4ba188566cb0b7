/* measure.h: counts what passes, for GET /metrics. */

#pragma once

#include "web/chain.h"

/* Counts every request when it has ended, the refused and the malformed too. */
extern const struct middleware middleware_measure;
