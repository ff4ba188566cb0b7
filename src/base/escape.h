/* escape.h: text as the inside of a JSON string; what buf and log share. */

#pragma once

#include "base/slice.h"

enum { ESCAPE_MOST = 6 }; /* most bytes one character becomes: \u001f */

/* Writes as many whole characters of *s as fit into cap bytes of dst, takes them off *s and returns
 * the bytes written. Escapes ", \ and controls; each ill-formed UTF-8 byte becomes U+FFFD. */
size_t escape_json(char *dst, size_t cap, struct slice *s);
