/* redact_rules.h: what the redactor finds by itself. Private to it. */

#pragma once

#include "base/slice.h"

struct redact_rule {
    const char *pattern; /* PCRE2, UTF-8 */
    const char *instead;
    /* whether what matched truly is one; NULL: it always is */
    bool (*check)(struct slice match);
};

/* In the order in which they are applied, ended by a NULL pattern. */
extern const struct redact_rule redact_rules[];
