/* usage_log_writer.h: rows of the call log as JSON and as CSV. */

#pragma once

#include "codec/json_out.h"
#include "model/prompt.h"

/* One object; what is NULL is null. */
void usage_log_write_json(struct json_out *o, const struct usage_log *row);
/* The same for a stored prompt. */
void prompt_log_write_json(struct json_out *o, const struct prompt_log *row);
/* RFC 4180: the names of the columns; a row. What a spreadsheet would take for a formula (a text
 * that begins with one of = + - @) gets an apostrophe in front. */
void usage_log_write_csv_head(struct json_out *o);
void usage_log_write_csv(struct json_out *o, const struct usage_log *row);

/* Rows one below the other, for files; .at NULL: out of memory. */
struct slice usage_log_json_lines(const struct usage_log *rows, size_t n, struct arena *a);
/* head: with the names of the columns in front. */
struct slice usage_log_csv_lines(const struct usage_log *rows, size_t n, bool head,
                                 struct arena *a);
