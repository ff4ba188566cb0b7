/* mock_ask.h: what the mock looks at in a request; the same for every dialect. */

#pragma once

#include "codec/json.h"

/* Borrows the body. A value that is not there, or not of this dialect, has type JSON_NONE. */
struct mock_ask {
    struct slice body;
    struct slice model; /* with the part behind "?" */
    bool stream, include_usage;
    struct json_value messages, max_tokens, stop_sequences;
    struct json_value tools, format;                      /* format: of a structured answer */
    struct json_value input, encoding_format, dimensions; /* of embeddings */
};

/* False: no JSON object with a model. */
bool mock_ask_read(struct slice body, struct mock_ask *ret);
/* The model's name in front of "?". */
struct slice mock_ask_model(const struct mock_ask *ask);
/* The schema that a structured answer must fit: response_format.json_schema.schema,
 * output_config.format.schema or text.format.schema. */
struct json_value mock_ask_schema(const struct mock_ask *ask);
/* Whether the last message brings a tool's result. */
bool mock_ask_has_result(const struct mock_ask *ask);
/* Tool i, counted round and round: its name as JSON with its quotes, and the schema of what it
 * takes. False: the request has no tools. */
bool mock_ask_tool(const struct mock_ask *ask, uint64_t i, struct slice *ret_name,
                   struct json_value *ret_schema);
/* A member of an object; JSON_NONE when there is none, or the value is no object. */
struct json_value mock_ask_member(struct json_value object, struct slice name);
/* Of an array; 0 when the value is none. */
uint64_t mock_ask_count(struct json_value array);
