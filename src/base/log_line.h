/* log_line.h: one event as one line of text; pure. Private to log. */

#pragma once

#include "base/log.h"

enum { LOG_LINE_MAX = 8192 };

/* Writes the line with its LF; returns the length, at most LOG_LINE_MAX. */
size_t log_line(char ret[LOG_LINE_MAX], enum log_format format, enum log_level level,
                const char *message, const struct log_field *fields);
