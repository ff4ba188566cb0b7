/* call_identity.h: what makes two calls the same, so that one answer may serve both.
 *
 * All of the call takes part: its kind, the fields of its head that its provider sees, and its body
 * in its canonical form (codec/json_canonical.h), members that nobody here knows included. Whether
 * it streams does, too: a stream and a whole answer are two answers. */

#pragma once

#include "base/arena.h"
#include "model/call.h"

enum { CALL_IDENTITY_MOST = 1 << 20 }; /* bytes of a body: more is not worth its reading */

/* The identity as a text. OK; -ENOTSUP: no answer of this call may serve another one, because it
 * leaves something behind at its provider or goes on from there (store, background, conversation,
 * container), is no answer of a model (a count), says one thing twice, or is too large; -ENOMEM. */
int call_identity(const struct call *call, struct arena *a, struct slice *ret);
