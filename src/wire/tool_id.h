/* tool_id.h: ids of calls of tools that carry a thought signature.
 *
 * Gemini signs calls and refuses a conversation in which the signature of a call is missing. A call
 * of Anthropic's dialect has no place for it, and what its clients surely send back is the id. So
 * the signature travels there:
 *
 *   ID__thought__SIGNATURE    + / = - of the signature are written -p -s -e -m
 *
 * which are letters that ids may have. Nobody but courier looks for them: every other provider gets
 * the id alone. Sources: ai.google.dev/gemini-api/docs/thought-signatures; docs.anthropic.com,
 * "Messages", tool_use.id (^[a-zA-Z0-9_-]+$). Pure. */

#pragma once

#include "base/arena.h"
#include "codec/json_out.h"

/* The id with the signature; both are text (model/answer.h). A signature that is empty, or in none
 * of the spellings of base64, is left out. */
void tool_id_write(struct json_out *o, struct slice id, struct slice signature);
/* Takes an id apart that may have come from there; *io_id is text. *ret_signature is empty when it
 * carries none; then *io_id stays as it is. False: out of memory. */
bool tool_id_split(struct slice *io_id, struct slice *ret_signature, struct arena *a);
