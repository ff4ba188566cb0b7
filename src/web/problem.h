/* problem.h: the one place that turns a fault into a status and an error body.
 *
 * The body is in the dialect of the path that was asked for. docs/errors.md is the table for
 * readers; a test keeps it true. */

#pragma once

#include "web/chain.h"

/* Answers the exchange with the fault, fills its outcome, settles, ends. Returns MW_DONE so that a
 * gate can say `return problem_answer(…)`. Before the head only. */
enum mw problem_answer(struct exchange *x, enum fault_kind kind);
enum mw problem_answer_fault(struct exchange *x, const struct fault *fault);
/* The same with another status than the fault's own (a malformed request: the server knows it). */
enum mw problem_answer_as(struct exchange *x, const struct fault *fault, int status);
/* The status of a fault: a provider's own for its refusals. */
int problem_status(const struct fault *fault);
/* The last event of a stream that fails after its head: in the arena; .at NULL when out of memory.
 */
struct slice problem_event(struct exchange *x, const struct fault *fault);
