/* request_writer.h: a client's request as bytes (RFC 9112 sections 3 and 6).
 *
 * The head is written anew for each turn of a long send instead of being kept: what was sent is one
 * number, and a request that waits for its peer holds no memory of its own. */

#pragma once

#include "http/client.h"

#include <sys/types.h>

/* Nothing in it that would end a line or a word early. */
bool request_is_safe(const struct client_request *request);
uint64_t request_body_bytes(const struct client_request *request);
/* Writes the head, content-length added. Its length, or -EMSGSIZE. */
ssize_t request_write_head(const struct client_request *request, char *at, size_t cap);
/* What is to be written next. */
struct request_spans {
    struct slice at[64];
    size_t len;
    size_t bytes; /* in all of them */
};
/* The bytes of head and body from `sent` on, as far as there is room for spans. */
void request_spans_from(const struct client_request *request, struct slice head, uint64_t sent,
                        struct request_spans *ret);
