/* mock_messages.h: the pieces that whole and streamed Messages answers share; private to
 * mock_messages*.c. */

#pragma once

#include "app/mock_dialect.h"

#define MOCK_THOUGHT   "Let me think."
#define MOCK_SIGNATURE "c2lnbmVkIGJ5IHRoZSBtb2Nr"

extern const struct mock_events mock_messages_events;

/* The message around its content: {"id":…,"content":[ */
void mock_messages_begin(const struct mock_answer *a, struct buf *ret);
/* {"input_tokens":…} or, when not whole, the output's tokens alone. */
void mock_messages_add_usage(const struct mock_plan *plan, uint64_t output_tokens, bool whole,
                             struct buf *ret);
/* "stop_reason":…,"stop_sequence":… */
void mock_messages_add_stop(const struct mock_answer *a, struct buf *ret);
/* {"type":"redacted_thinking",…} */
void mock_messages_add_redacted(struct buf *ret);
/* {"type":"tool_use",… up to the value of "input" */
void mock_messages_begin_call(const struct mock_answer *a, uint64_t call, struct buf *ret);
/* {"type":"error",…} */
void mock_messages_error(const struct mock_plan *plan, struct slice message, struct buf *ret);
