/* mock_answer.h: the pieces that whole and streamed chat answers share; private to mock_chat*.c. */

#pragma once

#include "app/mock_chat.h"

enum { MOCK_TEXT = 50 }; /* the usual text has at least so many bytes */

/* Piece i of n, as equal as can be. */
struct slice mock_piece(struct slice whole, uint64_t i, uint64_t n);
/* The model's name in front of "?". */
struct slice mock_model_name(const struct mock_ask *ask);
/* The name of the first tool, as JSON with its quotes. */
struct slice mock_tool_name(const struct mock_ask *ask);
/* The content (or the tool's arguments) as the inside of a JSON string. length: of content that is
 * made up, 0: the usual text. */
void mock_add_content(const struct mock_plan *plan, const struct mock_ask *ask, uint64_t length,
                      struct buf *ret);
/* ,"usage":{…} */
void mock_add_usage(const struct mock_plan *plan, struct buf *ret);
/* {"error":{…}} with the type and code that such a status has. */
void mock_error_object(const struct mock_plan *plan, struct slice message, struct buf *ret);
/* The answer as a stream. */
struct mock_script *mock_stream_script(const struct mock_plan *plan, const struct mock_ask *ask);
