/* inside.h: the text of JSON strings as it stands in a text that was checked. */

#pragma once

#include "codec/json.h"

/* What is between the quotes, still escaped; empty when the value is no string. */
static inline struct slice inside_of(struct json_value v)
{
    return v.type == JSON_STRING ? slice_sub(v.text, 1, v.text.len - 1) : (struct slice){0};
}
