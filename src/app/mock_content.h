/* mock_content.h: the words of an answer, and the pieces that they come in. */

#pragma once

#include "app/mock_dialect.h"

enum { MOCK_TEXT = 50 }; /* the usual text has at least so many bytes */

/* Piece i of n, as equal as can be. */
struct slice mock_piece(struct slice whole, uint64_t i, uint64_t n);
/* The same, but no UTF-8 character is cut. */
struct slice mock_text_piece(struct slice whole, uint64_t i, uint64_t n);
/* How many tools the answer calls: as many as the plan says when the request brings tools and no
 * result of one. */
uint64_t mock_calls(const struct mock_answer *a);
/* The text, not escaped. length: of one that is made up, 0: the usual text. */
void mock_add_content(const struct mock_answer *a, uint64_t length, struct buf *ret);
/* The arguments of a call: JSON, or whatever the plan says. */
void mock_add_arguments(const struct mock_answer *a, uint64_t call, struct buf *ret);
/* prefix, and behind it the number of the call unless it is the first. */
void mock_add_call_id(const char *prefix, uint64_t call, struct buf *ret);
/* The name of the tool that a call calls, as JSON with its quotes. */
struct slice mock_call_name(const struct mock_answer *a, uint64_t call);
/* text as a JSON string, with its quotes. */
void mock_add_string(struct slice text, struct buf *ret);
/* Why the answer ends, as a JSON string: what the plan says, or the usual; null: it does not say.
 */
void mock_add_stop(const struct mock_answer *a, const char *usual, struct buf *ret);
