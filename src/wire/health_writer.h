/* health_writer.h: a health report as JSON, as /admin/v1/health answers it
 * (docs/administration.md). */

#pragma once

#include "base/arena.h"
#include "model/health_report.h"

/* .at NULL: out of memory. */
struct slice health_write(const struct health_report *r, struct arena *a);
