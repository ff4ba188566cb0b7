/* redact.h: takes out of a text what tells about a person or opens a door.
 *
 * Found are e-mail addresses, phone numbers, identity card and bank card numbers that pass their
 * checksum, keys and tokens, IP addresses, and what own patterns match. Each is replaced by its
 * kind in brackets ("[EMAIL]"), so that the text still reads. When in doubt it is taken out: also
 * the whole text, when looking for a pattern would take longer than its limit allows. */

#pragma once

#include "base/arena.h"

struct redactor; /* immutable: may be used by any number of threads at once */

enum { REDACT_OWN_MOST = 64, REDACT_PATTERN_MOST = 1024, REDACT_WHY = 160 };

/* own: regular expressions (PCRE2 syntax, UTF-8), found besides the built-in kinds and replaced by
 * "[REDACTED]"; borrowed during the call. -EINVAL: one of them is wrong, too long, or matches
 * nothing at all; ret_why tells which and why. -E2BIG: more than REDACT_OWN_MOST. -ENOMEM. */
int redactor_new(const struct slice *own, size_t n, char ret_why[REDACT_WHY],
                 struct redactor **ret);
/* NULL is harmless. */
void redactor_free(struct redactor *r);

/* *ret is text itself when there was nothing to take out, else a copy in the arena. Bytes that are
 * no UTF-8 are looked through piece by piece. Redacting what was redacted changes nothing. -ENOMEM.
 */
int redact_text(const struct redactor *r, struct slice text, struct arena *a, struct slice *ret);
/* The same for each string, name and number of a JSON text, as it decodes, so that escapes hide
 * nothing; numbers become strings. Long strings of base64 (pictures, sound) become "[BINARY]". What
 * is no JSON is redacted as text. */
int redact_json(const struct redactor *r, struct slice text, struct arena *a, struct slice *ret);
