/* store_url.h: where the store is, without what must not be told. Pure. */

#pragma once

#include "base/slice.h"

enum { STORE_URL_SHOWN = 200 };

/* The URL for people and logs: "postgres://me@host:5432/db" without password and parameters;
 * "sqlite:path" as it is. Cut when it is longer than ret. Returns ret. */
const char *store_url_redact(struct slice url, char ret[STORE_URL_SHOWN]);
/* True for postgres:// and postgresql://. */
bool store_url_is_postgres(struct slice url);
/* What is wrong with a PostgreSQL URL, as far as its text tells: static storage, never a part of
 * it; NULL: nothing. */
const char *store_url_fault(struct slice url);
