/* problem.h: the one place that turns a fault into a status and an error body.
 *
 * Bodies are {"error":{"message","type","param","code"}}. docs/errors.md is the table for readers;
 * a test keeps it true. */

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
/* The error object: in the arena; .at NULL when out of memory. */
struct slice problem_body(struct arena *a, const struct fault *fault);
/* "data: {…}\n\n" for a stream that fails after its first content. */
struct slice problem_event(struct arena *a, const struct fault *fault);
