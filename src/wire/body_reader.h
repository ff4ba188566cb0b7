/* body_reader.h: what the readers and parsers of requests share: finding members, checking their
 * types, and refusing in the same words. Private to wire. */

#pragma once

#include "base/arena.h"
#include "codec/json.h"
#include "model/call.h"
#include "model/fault.h"

/* One request being read: what every step needs. */
struct reader {
    struct slice body;
    struct arena *arena;
    struct fault *fault;
};

/* ---- refusing: always false, so that a check can return it ---- */

/* A message that found no memory (.at NULL) is left to the kind's own text. */
bool reader_refuse(struct reader *r, enum fault_kind kind, struct slice param,
                   struct slice message);
bool reader_refuse_type(struct reader *r, struct slice param, const char *expected,
                        enum json_type type);
bool reader_refuse_missing(struct reader *r, struct slice param);
bool reader_refuse_empty(struct reader *r, struct slice param);
bool reader_refuse_duplicate(struct reader *r, struct slice param);
/* FAULT_INVALID_VALUE and FAULT_UNSUPPORTED. why: "it must be …", NULL: nothing to add. */
bool reader_refuse_value(struct reader *r, struct slice param, const char *why);
bool reader_refuse_unsupported(struct reader *r, struct slice param, const char *why);
bool reader_refuse_memory(struct reader *r);

/* ---- reading the members of the body ---- */

/* json_scan of the body; what it finds wrong is refused. */
bool reader_scan(struct reader *r, const struct json_member *wanted, size_t n,
                 struct json_value *ret);
struct span reader_span(const struct reader *r, struct slice part);
/* `model`, a name that is not empty. */
bool reader_model(struct reader *r, struct json_value v, struct call *ret);
/* `messages`, an array of objects that is not empty. */
bool reader_messages(struct reader *r, struct json_value v);
/* An optional boolean; null is as good as absent. */
bool reader_flag(struct reader *r, struct json_value v, struct slice name, bool *ret);
/* A limit of tokens; one that is given replaces what *ret holds. */
bool reader_tokens(struct reader *r, struct json_value v, struct slice name, uint64_t *ret);
/* An estimate, for limits only: of prose in Latin script. */
uint64_t reader_estimate(size_t bytes);
