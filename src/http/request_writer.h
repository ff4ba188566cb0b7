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
/* The bytes of head and body from `sent` on, in at most max spans; *ret_bytes counts them. */
size_t request_spans(const struct client_request *request, struct slice head, uint64_t sent,
                     struct slice *spans, size_t max, size_t *ret_bytes);
