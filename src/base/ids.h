/* ids.h: identifiers that need no coordination. */

#pragma once

#include "base/slice.h"

/* A UUIDv7 (RFC 9562): time-ordered, 74 random bits. Bytes in network order. Thread-safe, and
 * strictly ascending within one thread. Makes no system call on the road (the random bits come from
 * a per-thread generator that getrandom seeds). */
struct record_id {
    unsigned char bytes[16];
};
struct record_id record_id_new(uint64_t wall_us);

enum { RECORD_ID_TEXT = 36, TRACE_ID_TEXT = 32, SPAN_ID_TEXT = 16 };
/* Where things stand in a traceparent, "00-" trace "-" span "-" flags (W3C Trace Context,
 * section 3.2). */
enum {
    TRACEPARENT_TRACE = 3,
    TRACEPARENT_SPAN = TRACEPARENT_TRACE + TRACE_ID_TEXT + 1,
    TRACEPARENT_FLAGS = TRACEPARENT_SPAN + SPAN_ID_TEXT + 1,
    TRACEPARENT_LEN = TRACEPARENT_FLAGS + 2,
};
/* 36 lower-case characters, no NUL. */
void record_id_format(const struct record_id *id, char ret[RECORD_ID_TEXT]);
int record_id_parse(struct slice text, struct record_id *ret); /* -EINVAL */

/* n characters of lower-case hex from the per-thread generator: for trace ids, not for secrets. */
void ids_random_hex(char *ret, size_t n);
/* 64 bits of it, for spreading things in time. */
uint64_t ids_random(void);
/* Bytes fit for secrets (getrandom). -EIO. */
int ids_secret_bytes(void *ret, size_t n) MUST_USE;
