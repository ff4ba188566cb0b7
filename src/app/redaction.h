/* redaction.h: the redactor of this process, by its settings. */

#pragma once

#include "base/arena.h"

struct redactor; /* codec/redact.h */

/* patterns: the setting, one a line. NULL: good; else what is wrong with which of them, in the
 * arena. */
const char *redaction_fault(struct arena *a, struct slice patterns);
/* -EINVAL, -E2BIG: as redactor_new; -ENOMEM. */
int redaction_new(struct slice patterns, struct redactor **ret);
