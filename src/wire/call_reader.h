/* call_reader.h: a request's body, read in the dialect of the path it came in on. */

#pragma once

#include "base/arena.h"
#include "model/call.h"
#include "model/fault.h"

/* Fills ret from body. False: *ret_fault says which member is wrong and why. Text of ret lives in
 * body or arena. */
bool call_read(enum call_kind kind, enum dialect dialect, struct slice body, struct arena *a,
               struct call *ret, struct fault *ret_fault);
