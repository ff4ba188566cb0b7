/* record.h: one row of usage_logs as it stands in the journal: fixed layout, no pointers.
 *
 * The journal outlives the process that wrote it, so the layout is versioned: a change of it is a
 * new RECORD_VERSION, and start-up replays only records of its own version. */

#pragma once

#include "base/ids.h"

enum { RECORD_VERSION = 1, RECORD_REQUEST_ID = 128, RECORD_MODEL = 128, RECORD_NAME = 64 };

struct record {
    struct record_id id;
    uint64_t created_wall_us;
    int64_t user_id, key_id;
    uint64_t prompt_tokens, completion_tokens, cached_tokens, cache_write_tokens, reasoning_tokens;
    uint64_t request_bytes, response_bytes; /* of the bodies */
    uint32_t latency_ms, first_token_ms;    /* first_token_ms 0: none */
    uint16_t http_status, attempts;
    uint8_t status;       /* enum outcome_status */
    uint8_t usage_source; /* enum usage_source */
    uint8_t stream, fallback_used;
    /* NUL-terminated; what is longer is cut at a character */
    char request_id[RECORD_REQUEST_ID + 1];
    char endpoint[32];
    char requested_model[RECORD_MODEL + 1];
    char served_model[RECORD_MODEL + 1];
    char provider[RECORD_NAME + 1];
    char error_code[RECORD_NAME + 1];
};

/* Copies s into a text member of n bytes, cut at a UTF-8 boundary, terminated; bytes behind the
 * terminator are left as they are. */
void record_text(char *ret, size_t n, struct slice s);
