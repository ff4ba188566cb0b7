/* mock_chat.h: the chat dialect of the mock: request → plan → script. */

#pragma once

#include "app/mock_plan.h"
#include "app/mock_script.h"
#include "codec/json.h"

/* What the mock looks at in a request; borrows the body. */
struct mock_ask {
    struct slice model; /* with the part behind "?" */
    bool stream, include_usage;
    struct json_value tools, response_format;
};

/* False: no JSON object with a model. */
bool mock_chat_read(struct slice body, struct mock_ask *ret);
/* The answer, held once; NULL: out of memory. Depends on the plan, the model, stream and
 * include_usage alone unless the plan says tools or json. */
struct mock_script *mock_chat_script(const struct mock_plan *plan, const struct mock_ask *ask);
/* An error of a status. */
struct mock_script *mock_chat_error(const struct mock_plan *plan, struct slice message);
/* GET …/models */
struct mock_script *mock_chat_models(void);
/* Any JSON or other body with status 200. */
struct mock_script *mock_plain_script(struct slice content_type, struct slice body);
