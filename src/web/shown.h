/* shown.h: texts that a caller chose, as they may appear in rows, log lines and spans: what tells
 * about a person or opens a door is taken out (codec/redact.h). Names that are known, of routes and
 * models, need no look. */

#pragma once

#include "web/exchange.h"

/* text itself when there is nothing to take out, else a copy that lives as long as the request. Of
 * a long text only the beginning is shown. */
struct slice shown_text(struct exchange *x, struct slice text);
/* Whether nothing would be taken out of it. */
bool shown_as_is(struct exchange *x, struct slice text);
/* The path, for a log line: what it says where no route says it. */
struct slice shown_path(struct exchange *x);
/* The route's path; where there is none, as above. */
struct slice shown_endpoint(struct exchange *x);
