/* answer_parser.h: bytes of a connection → one HTTP/1.1 answer (RFC 9112). No sockets, no clock.
 *
 * Incremental: the bytes may come cut anywhere. Interim answers (1xx) are skipped. The framing is
 * taken off in place: the body of one feed is one run of bytes, however many chunks it came in.
 * Strict: what two parsers could read differently is refused. */

#pragma once

#include "codec/headers.h"

/* Memory of its own: frees with answer_head_free. */
struct answer_head {
    int status;
    struct headers headers; /* the text that they point into stands behind them, in one block */
    int64_t content_length; /* -1: not announced */
};

struct answer_parser {
    uint64_t llhttp[12];     /* llhttp's state; its type stays in answer_parser.c */
    struct answer_head head; /* whole once head_whole; then may be taken: zero what was taken */
    struct slice body;       /* of the feed at hand */
    char *text;              /* names and values, until the head is whole */
    uint32_t text_len, text_cap;
    uint32_t fed;        /* bytes until the head was whole */
    uint32_t head_bytes; /* of fields, trailers and chunk extensions so far */
    uint32_t limit;      /* most of each */
    int rc;              /* why a callback stopped the parser */
    bool to_head;        /* answers a HEAD request: no body follows */
    bool naming;         /* within a field's name */
    bool head_whole;
    bool interim;  /* the message at hand is a 1xx */
    bool unframed; /* the body ends with the connection */
    bool whole;
    bool keep_alive; /* known once whole */
};

/* What one feed brought, in the order in which it is to be told. */
struct answer_step {
    bool head;         /* the head became whole: parser.head */
    struct slice body; /* within the bytes fed */
    bool whole;        /* the answer ended */
    size_t used;       /* bytes of this answer; fewer than fed: something follows it */
};

/* head_bytes: limit. */
void answer_parser_init(struct answer_parser *p, size_t head_bytes, bool to_head);
/* Takes n > 0 bytes, and moves bytes within them. OK, or what came before the fault is in *ret and
 * -EPROTO (not HTTP, or framing that is refused), -EMSGSIZE (head over the limit or over
 * HEADERS_MAX fields), -ENOMEM. Not to be called again after `whole` or a fault. */
int answer_parser_feed(struct answer_parser *p, char *at, size_t n, struct answer_step *ret);
/* The connection has ended in order: OK, the answer is whole by that; else -ECONNRESET. */
int answer_parser_end(const struct answer_parser *p);
/* Gives back what is held. */
void answer_parser_clear(struct answer_parser *p);
void answer_head_free(struct answer_head *head);
