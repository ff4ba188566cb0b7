/* mock_plan.h: what the mock is to answer: the part of a model's name behind "?". */

#pragma once

#include "base/buf.h"

enum mock_fault {
    MOCK_NO_FAULT,
    MOCK_SILENT,
    MOCK_CLOSE_BEFORE_HEAD,
    MOCK_RESET_BEFORE_HEAD,
    MOCK_HALF_HEAD,
    MOCK_CLOSE_AFTER_HEAD,
    MOCK_RESET_AFTER_HEAD,
    MOCK_MALFORMED_HEAD,
    MOCK_MALFORMED_CHUNK,
    MOCK_EMPTY,
    MOCK_HTML,
    MOCK_HALF_JSON,
    MOCK_ERROR_200,
};

enum mock_framing { MOCK_FRAMED, MOCK_CHUNKED, MOCK_CLOSED }; /* FRAMED: the usual of the kind */

struct mock_plan {
    struct slice text, arguments, stop; /* empty: the usual; arguments: of calls */
    uint64_t bytes, chunks;             /* bytes 0: as long as the text */
    uint64_t head_delay, first_delay, chunk_delay, end_delay; /* milliseconds */
    uint64_t status, retry_after, retry_after_ms;             /* retry_after: seconds; 0: none */
    struct slice reset_requests, reset_tokens;                /* empty: none */
    struct slice type, code;                                  /* of an error; empty: the usual */
    uint64_t cut_after, reset_after, stall_after, error_after, garbage_after; /* content chunks */
    uint64_t fail_first, flap, odds; /* requests; milliseconds; percent. All 0: always goes wrong */
    unsigned fault, framing;
    uint64_t huge_line; /* bytes of content in one chunk */
    uint64_t prompt_tokens, completion_tokens;
    uint64_t cached_tokens, cache_written_tokens, reasoning_tokens;
    uint64_t tools;      /* calls */
    uint64_t dimensions; /* of an embedding */
    bool crlf, cr, bom, comments, multi_line, split;
    bool no_usage, usage_in_last, no_finish, no_done, stall_end;
    bool json, echo, thinking, redacted, incomplete, failed, lax;
};

enum { MOCK_CHUNKS_MOST = 100000, MOCK_BYTES_MOST = 64 << 20 };
#define MOCK_NEVER UINT64_MAX

/* The plain answer. */
void mock_plan_init(struct mock_plan *ret);
/* "key=value&key=value" onto the plan; texts are borrowed. False: *ret_wrong is the part that is
 * not understood. */
bool mock_plan_read(struct mock_plan *plan, struct slice spec, struct slice *ret_wrong);
/* A plan whose failures come and go: it fails (with status 500 when the plan names no failure), or
 * what goes wrong is taken out of it. Delays stay. */
void mock_plan_turn(struct mock_plan *plan, bool fails);
/* The keys, one on a line with what they do. */
void mock_plan_help(struct buf *ret);
