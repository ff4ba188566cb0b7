/* mock_reply.h: plan and request → script, in any dialect: heads, whole bodies, what goes wrong. */

#pragma once

#include "app/mock_dialect.h"
#include "app/mock_script.h"

/* Each returns a script that is held once; NULL: out of memory. */

/* The answer. Depends on the plan, the model, stream and include_usage alone unless
 * mock_reply_reads_body. */
struct mock_script *mock_reply(const struct mock_dialect *dialect, const struct mock_plan *plan,
                               const struct mock_ask *ask);
bool mock_reply_reads_body(const struct mock_dialect *dialect, const struct mock_plan *plan);
/* An error of the plan's status. */
struct mock_script *mock_reply_error(const struct mock_dialect *dialect,
                                     const struct mock_plan *plan, struct slice message);
/* Any JSON or other body with status 200. */
struct mock_script *mock_reply_plain(struct slice content_type, struct slice body);
