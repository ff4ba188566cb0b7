/* openai_chat.h: the wire of OpenAI's Chat Completions, as far as a gateway must read it.
 *
 * Source: platform.openai.com, API reference "Chat" and "Errors". Pure. */

#pragma once

#include "base/arena.h"
#include "model/answer.h"
#include "model/call.h"
#include "model/event.h"
#include "model/fault.h"
#include "model/reply.h"

/* Reads a request. Validates it as JSON and the types of the members it knows (model, messages,
 * stream, stream_options, max_tokens, max_completion_tokens); everything else passes unseen. A
 * known member that stands twice is refused: what is checked must be what is sent. prompt_estimate
 * is the bytes of messages / 4, an estimate for limits only. False: *ret_fault says which member
 * and why. Text of ret lives in body or arena. */
bool openai_chat_read(struct slice body, struct arena *a, struct call *ret,
                      struct fault *ret_fault);
/* Reads usage of a buffered answer; blank lines may stand before it (DeepSeek sends them while a
 * call is queued). -EBADMSG: not one whole object (json_outline); -EPROTO: an error object. */
int openai_chat_read_reply(struct slice body, struct reply *ret);
/* Reads and validates all of it but choices after the first. The same errors, and -ENOMEM. */
int openai_chat_read_answer(struct slice body, struct arena *a, struct answer *ret);

struct openai_pieces;

/* What is remembered from frame to frame of one stream; zeroed at its start. */
struct openai_chat_stream {
    bool wants_text; /* the caller's wish: fill event.text */
    bool content_seen;
    uint64_t seen, finished;      /* choices, a bit for each index below 64 */
    struct openai_pieces *pieces; /* the caller's: takes everything. NULL: nobody does */
};

/* Reads one whole frame's data. -EBADMSG: not JSON, or what openai_pieces returned.
 *
 * Until content has been seen, or when text or pieces are wanted, every frame is parsed and
 * validated. Else a frame that is plainly one more piece of content is told from the few member
 * names in it and not parsed: only its first and last byte are checked, which is enough because
 * frames are whole events. Frames that carry usage, a finish reason or an error are parsed always.
 */
int openai_chat_read_event(struct openai_chat_stream *s, struct slice data, struct event *ret);

/* How many bytes of rest are whole frames that say the same as `frame` does but for the insides of
 * strings that are text (content, reasoning, obfuscation): a stream is hundreds of frames that
 * differ in nothing else, and one look at each is enough. frame: raw, with its blank line, plain
 * content as openai_chat_read_event told. *ret_frames: how many they are. 0: the next frame must be
 * read. */
size_t openai_chat_alike(struct slice frame, struct slice rest, uint64_t *ret_frames);
