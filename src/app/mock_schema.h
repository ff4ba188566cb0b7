/* mock_schema.h: the smallest JSON value that fits a JSON Schema, as far as structured outputs and
 * tool parameters use it (type, properties, required, enum, const, anyOf, $ref into $defs). */

#pragma once

#include "base/buf.h"
#include "codec/json.h"

/* schema: validated JSON. Appends the value to ret. */
void mock_schema_value(struct json_value schema, struct buf *ret);
