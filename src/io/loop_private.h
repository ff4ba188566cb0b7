/* loop_private.h: what the files of io share about a loop; nobody else includes it. */

#pragma once

#include "io/timers.h"

struct uv_loop_s;

struct uv_loop_s *loop_uv(struct loop *loop);
struct timers *loop_timers(struct loop *loop);
/* The earliest deadline has become due_ms: sets the kernel's timer when it would come later. */
void loop_wake_at(struct loop *loop, uint64_t due_ms);
