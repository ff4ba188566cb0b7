/* call_reader.h: a request's body, read in the dialect of the path it came in on. */

#pragma once

#include "base/arena.h"
#include "codec/headers.h"
#include "model/call.h"
#include "model/fault.h"

/* call->kind and call->dialect say what is expected; the rest is filled from body. False:
 * *ret_fault says which member is wrong and why. Text of the call lives in body or arena. */
bool call_read(struct call *call, struct slice body, struct arena *a, struct fault *ret_fault);
/* In which dialect a client speaks whose path belongs to none: its head tells. */
enum dialect call_dialect(const struct headers *h);
/* Sets call->headers: the fields of the client's head that belong to the call's dialect. Values are
 * not copied. -ENOMEM. */
int call_take_headers(struct call *call, const struct headers *h, struct arena *a);
