/* usage_log.h: a row of usage_logs as it is read back: for lists, exports and people.
 *
 * What is written is a struct record; what is read stays text, so that everyone who shows a row
 * walks the same table of columns. */

#pragma once

#include "base/slice.h"

enum usage_log_kind { USAGE_LOG_TEXT, USAGE_LOG_NUMBER, USAGE_LOG_BOOL };

struct usage_log_column {
    const char *name;
    enum usage_log_kind kind;
};

enum {
    USAGE_LOG_ID = 0,
    USAGE_LOG_REQUEST_ID = 1,
    USAGE_LOG_CREATED_AT = 2,
    USAGE_LOG_COLUMNS = 26
};

/* In the order of the table. */
extern const struct usage_log_column usage_log_columns[USAGE_LOG_COLUMNS];

struct usage_log {
    struct slice at[USAGE_LOG_COLUMNS]; /* empty: NULL */
};
