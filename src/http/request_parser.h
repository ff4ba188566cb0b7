/* request_parser.h: bytes of a connection → one HTTP/1.1 request (RFC 9112). No sockets, no clock.
 *
 * Incremental: the bytes may come cut anywhere. The head is copied once into the arena; a body with
 * a content-length gets one buffer of exactly its size, which may also be filled from outside
 * (request_parser_room), and a chunked one grows up to the limit. Strict: what two parsers could
 * read differently is refused. A parser is held only while a request is being read. */

#pragma once

#include "codec/headers.h"

struct request_limits {
    size_t header_bytes; /* request line and fields, as received */
    uint64_t body_bytes; /* without chunk framing */
};

struct request_head {
    struct slice method;
    struct slice target;      /* as sent */
    struct slice path, query; /* absolute-form is reduced to its path */
    struct headers headers;
    unsigned minor;        /* HTTP/1.minor: 0 or 1 */
    bool keep_alive;       /* RFC 9112 section 9.3 */
    bool expects_continue; /* RFC 9110 section 10.1.1 */
};

/* Why a request was refused: a status fit to be answered, and a literal. */
struct request_fault {
    int status;
    const char *why;
};

enum request_step {
    REQUEST_MORE,  /* all bytes were taken, more are needed */
    REQUEST_WHOLE, /* head and body are there */
    REQUEST_BAD,   /* see request_parser_fault */
};

struct request_parser;

/* NULL: out of memory. */
struct request_parser *request_parser_new(void);
void request_parser_free(struct request_parser *p);
/* Begins a request; what an unfinished one held is given back. All results live in the arena. */
void request_parser_start(struct request_parser *p, struct arena *arena,
                          const struct request_limits *limits);
/* Takes bytes; *ret_used says how many belong to this request (all, unless WHOLE or BAD). Not to be
 * called again after WHOLE or BAD. */
enum request_step request_parser_feed(struct request_parser *p, struct slice bytes,
                                      size_t *ret_used);
/* Where the next bytes of a body of known length belong, and how many are missing; NULL when the
 * parser wants to see the bytes itself. */
char *request_parser_room(struct request_parser *p, size_t *ret_len);
/* n bytes have been put into the room: MORE or WHOLE. */
enum request_step request_parser_took(struct request_parser *p, size_t n);

/* Once the head is whole and its first line acceptable (also after a fault that was found behind
 * it), else NULL. */
const struct request_head *request_parser_head(const struct request_parser *p);
/* What there is of the body; contiguous. In the arena once WHOLE was said. */
struct slice request_parser_body(const struct request_parser *p);
struct request_fault request_parser_fault(const struct request_parser *p);
