/* request_parser.c: llhttp in strict mode, and the checks that it leaves to its user.
 *
 *     HEAD ──→ LENGTH ──→ WHOLE       a body of known length: counted here, llhttp never sees it
 *       │ └──→ CHUNKED ──→ WHOLE      llhttp takes the framing off
 *       └────────────────→ WHOLE      no body
 *     any ──→ BAD
 *
 * While the head comes in, its tokens are kept as positions: the bytes lie in the caller's memory
 * and, when the head came in pieces, in `raw`. When it is whole it is copied once into the arena
 * and the positions become slices. A token that is not contiguous (obs-fold) is refused. */

#include "http/request_parser.h"

#include "base/buf.h"

#include <errno.h>
#include <llhttp.h>
#include <stdlib.h>

enum phase { HEAD, LENGTH, CHUNKED, WHOLE, BAD };

/* Chunk extensions and trailers are thrown away, but not without end: besides the header limit so
 * many bytes of framing are allowed for each byte of body (chunks of one byte need five). */
enum { FRAMING_PER_BYTE = 8 };

struct span {
    uint32_t pos, len; /* from the head's first byte */
};

struct field {
    struct span name, value;
};

struct request_parser {
    llhttp_t llhttp;
    struct arena *arena;
    struct request_limits limits;
    enum phase phase;
    struct request_fault fault;

    struct buf raw;    /* the head so far, when it came in pieces */
    const char *piece; /* what llhttp is looking at */
    struct span method, target;
    struct field fields[HEADERS_MAX + 1];
    size_t fields_len;
    struct request_head head;

    char *body; /* LENGTH: exactly `size` bytes */
    size_t body_len, size;
    struct buf chunks; /* CHUNKED */
    uint64_t framing;
};

/* The fields that decide about framing and routing. */
struct named_fields {
    size_t hosts, lengths, codings, expects;
    struct slice host, length, coding, expect;
};

static enum request_step parser_refuse(struct request_parser *p, int status, const char *why)
{
    p->phase = BAD;
    p->fault = (struct request_fault){status, why};
    return REQUEST_BAD;
}

/* ---- llhttp's callbacks ---- */

/* Tokens come in pieces when the bytes do; pieces that do not join were folded. */
static int span_extend(const struct request_parser *p, struct span *s, const char *at, size_t n)
{
    uint32_t pos = (uint32_t)(p->raw.len + (size_t)(at - p->piece));

    if (s->len == 0)
        s->pos = pos;
    else if (s->pos + s->len != pos)
        return -1;
    s->len += (uint32_t)n;
    return 0;
}

static int on_method(llhttp_t *l, const char *at, size_t n)
{
    struct request_parser *p = container_of(l, struct request_parser, llhttp);

    return span_extend(p, &p->method, at, n);
}

static int on_url(llhttp_t *l, const char *at, size_t n)
{
    struct request_parser *p = container_of(l, struct request_parser, llhttp);

    return span_extend(p, &p->target, at, n);
}

static int on_header_field(llhttp_t *l, const char *at, size_t n)
{
    struct request_parser *p = container_of(l, struct request_parser, llhttp);

    /* else a trailer */
    return p->phase == HEAD ? span_extend(p, &p->fields[p->fields_len].name, at, n) : 0;
}

static int on_header_value(llhttp_t *l, const char *at, size_t n)
{
    struct request_parser *p = container_of(l, struct request_parser, llhttp);

    return p->phase == HEAD ? span_extend(p, &p->fields[p->fields_len].value, at, n) : 0;
}

static int on_header_value_complete(llhttp_t *l)
{
    struct request_parser *p = container_of(l, struct request_parser, llhttp);

    if (p->phase != HEAD)
        return 0;
    if (p->fields_len == HEADERS_MAX) {
        parser_refuse(p, 431, "too many header fields");
        return HPE_USER;
    }
    p->fields_len++;
    return 0;
}

static int on_headers_complete(llhttp_t *l)
{
    (void)l;
    return HPE_PAUSED;
}

static int on_body(llhttp_t *l, const char *at, size_t n)
{
    struct request_parser *p = container_of(l, struct request_parser, llhttp);

    if (n > p->limits.body_bytes - p->chunks.len) {
        parser_refuse(p, 413, "the body is too large");
        return HPE_USER;
    }
    if (buf_add(&p->chunks, slice_of(at, n)) < 0) {
        parser_refuse(p, 503, "out of memory");
        return HPE_USER;
    }
    return 0;
}

static int on_message_complete(llhttp_t *l)
{
    (void)l;
    return HPE_PAUSED;
}

static const llhttp_settings_t callbacks = {
    .on_method = on_method,
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* ---- what llhttp refused ---- */

static enum request_step parser_refuse_errno(struct request_parser *p, llhttp_errno_t e)
{
    if (p->phase == BAD)
        return REQUEST_BAD; /* a callback has said why */
    switch (e) {
    case HPE_INVALID_VERSION: /* also what follows a good one */
        if (p->llhttp.http_major == 1 && p->llhttp.http_minor <= 1)
            return parser_refuse(p, 400, "malformed request line");
        return parser_refuse(p, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    case HPE_PAUSED_H2_UPGRADE:
        return parser_refuse(p, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    case HPE_INVALID_METHOD:
        return parser_refuse(p, 400, "not HTTP, or an unknown method");
    case HPE_INVALID_URL:
        return parser_refuse(p, 400, "malformed request target");
    case HPE_UNEXPECTED_CONTENT_LENGTH:
    case HPE_INVALID_CONTENT_LENGTH:
        return parser_refuse(p, 400, "malformed or ambiguous content-length");
    case HPE_INVALID_TRANSFER_ENCODING:
        if (p->llhttp.flags & F_CONTENT_LENGTH)
            return parser_refuse(p, 400, "content-length and transfer-encoding together");
        return parser_refuse(p, 501, "unknown transfer coding");
    default:
        return parser_refuse(
            p, 400, p->phase == CHUNKED ? "malformed chunk framing" : "malformed request head");
    }
}

/* ---- the head ---- */

static struct slice span_text(const char *head, struct span s)
{
    return slice_of(head + s.pos, s.len);
}

/* Copies the head into the arena and makes slices of the positions. An empty slice: no memory. */
static struct slice head_keep(struct request_parser *p, struct slice last)
{
    size_t len = p->raw.len + last.len;
    char *at = arena_alloc(p->arena, len);
    struct header *fields = arena_alloc(p->arena, p->fields_len * sizeof(*fields));

    if (!at || !fields)
        return (struct slice){0};
    if (p->raw.len > 0)
        memcpy(at, p->raw.at, p->raw.len);
    memcpy(at + p->raw.len, last.at, last.len);
    for (size_t i = 0; i < p->fields_len; i++) {
        fields[i].name = span_text(at, p->fields[i].name);
        fields[i].value = slice_trim(span_text(at, p->fields[i].value));
    }
    p->head.headers = (struct headers){fields, p->fields_len, p->fields_len};
    p->head.method = span_text(at, p->method);
    p->head.target = span_text(at, p->target);
    return slice_of(at, len);
}

/* llhttp also takes HTTP/0.9, HTTP/2.0, RTSP, ICE and several spaces; the text decides. */
static enum request_step head_check_line(struct request_parser *p, struct slice head)
{
    size_t end = p->target.pos + p->target.len;
    struct slice version = slice_sub(head, end, head.len);

    if (p->method.pos + p->method.len + 1 != p->target.pos)
        return parser_refuse(p, 400, "malformed request line");
    if (slice_starts(version, SLICE(" HTTP/1.1\r\n")))
        p->head.minor = 1;
    else if (slice_starts(version, SLICE(" HTTP/1.0\r\n")))
        p->head.minor = 0;
    else if (slice_starts(version, SLICE(" HTTP/")))
        return parser_refuse(p, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    else
        return parser_refuse(p, 400, "malformed request line");
    return REQUEST_MORE;
}

static enum request_step head_split_target(struct request_parser *p)
{
    struct slice rest = p->head.target;
    struct slice scheme = SLICE("://");

    if (slice_eq(p->head.method, SLICE("CONNECT")))
        return parser_refuse(p, 501, "CONNECT is not served");
    if (rest.at[0] != '/' && slice_find(rest, scheme) < rest.len) { /* absolute-form */
        rest = slice_sub(rest, slice_find(rest, scheme) + scheme.len, rest.len);
        size_t end = 0;
        while (end < rest.len && rest.at[end] != '/' && rest.at[end] != '?')
            end++;
        rest = slice_sub(rest, end, rest.len);
    }
    p->head.path = slice_cut(&rest, '?');
    p->head.query = rest;
    if (p->head.path.len == 0)
        p->head.path = SLICE("/");
    if (p->head.path.at[0] != '/' && !slice_eq(p->head.path, SLICE("*")))
        return parser_refuse(p, 400, "malformed request target");
    return REQUEST_MORE;
}

static void note(size_t *count, struct slice *ret, const struct header *h, struct slice name)
{
    if (!slice_eq_nocase(h->name, name))
        return;
    *ret = h->value;
    (*count)++;
}

/* One pass; the length of a name decides in most cases. */
static struct named_fields head_name_fields(const struct headers *headers)
{
    struct named_fields f = {0};

    for (size_t i = 0; i < headers->len; i++) {
        const struct header *h = &headers->at[i];
        switch (h->name.len) {
        case sizeof("host") - 1:
            note(&f.hosts, &f.host, h, SLICE("host"));
            break;
        case sizeof("expect") - 1:
            note(&f.expects, &f.expect, h, SLICE("expect"));
            break;
        case sizeof("content-length") - 1:
            note(&f.lengths, &f.length, h, SLICE("content-length"));
            break;
        case sizeof("transfer-encoding") - 1:
            note(&f.codings, &f.coding, h, SLICE("transfer-encoding"));
            break;
        default:
            break;
        }
    }
    return f;
}

/* RFC 9112 section 3.2: exactly one Host in HTTP/1.1, and it must look like one. */
static bool host_is_sane(const struct named_fields *f, unsigned minor)
{
    if (f->hosts != 1)
        return f->hosts == 0 && minor == 0;
    for (size_t i = 0; i < f->host.len; i++)
        if ((unsigned char)f->host.at[i] <= ' ' || memchr("/\\?#@,<>\"", f->host.at[i], 9))
            return false;
    return true;
}

static enum request_step body_begin_length(struct request_parser *p, struct slice length)
{
    uint64_t n = 0;
    int rc = slice_to_u64(length, &n);

    if (rc == -EINVAL)
        return parser_refuse(p, 400, "malformed or ambiguous content-length");
    if (rc < 0 || n > p->limits.body_bytes)
        return parser_refuse(p, 413, "the body is too large");
    if (n == 0) {
        p->phase = WHOLE;
        return REQUEST_WHOLE;
    }
    p->body = arena_alloc(p->arena, n);
    if (!p->body)
        return parser_refuse(p, 503, "out of memory");
    p->size = n;
    p->phase = LENGTH;
    return REQUEST_MORE;
}

static enum request_step body_begin_chunked(struct request_parser *p, struct slice coding)
{
    if (p->head.minor == 0)
        return parser_refuse(p, 400, "transfer-encoding in HTTP/1.0");
    if (!slice_eq_nocase(coding, SLICE("chunked")))
        return parser_refuse(p, 501, "unknown transfer coding");
    llhttp_resume(&p->llhttp);
    p->phase = CHUNKED;
    return REQUEST_MORE;
}

static enum request_step head_check_fields(struct request_parser *p)
{
    struct named_fields f = head_name_fields(&p->head.headers);

    if (!host_is_sane(&f, p->head.minor))
        return parser_refuse(p, 400, "exactly one valid Host is needed");
    if (f.codings > 1 || f.lengths > 1 || (f.codings && f.lengths))
        return parser_refuse(p, 400, "ambiguous body length");
    if (f.expects > 0 && !slice_eq_nocase(f.expect, SLICE("100-continue")))
        return parser_refuse(p, 417, "unknown expectation");
    p->head.expects_continue = f.expects > 0 && p->head.minor > 0;
    p->head.keep_alive = llhttp_should_keep_alive(&p->llhttp);
    if (f.codings > 0)
        return body_begin_chunked(p, f.coding);
    return body_begin_length(p, f.lengths > 0 ? f.length : SLICE("0"));
}

static enum request_step head_whole(struct request_parser *p, struct slice last)
{
    struct slice head = head_keep(p, last);
    if (head.len == 0)
        return parser_refuse(p, 503, "out of memory");

    enum request_step step = head_check_line(p, head);
    if (step == REQUEST_MORE)
        step = head_split_target(p);
    if (step == REQUEST_MORE)
        step = head_check_fields(p);
    buf_free(&p->raw);
    return step;
}

static enum request_step head_too_large(struct request_parser *p)
{
    /* no field has begun: it is the line that is too long */
    if (p->fields_len == 0 && p->fields[0].name.len == 0)
        return parser_refuse(p, 414, "the request line is too long");
    return parser_refuse(p, 431, "the header is too large");
}

static enum request_step feed_head(struct request_parser *p, struct slice bytes, size_t *ret_used)
{
    size_t limit = p->limits.header_bytes;
    size_t n = MIN(bytes.len, limit + 1 - p->raw.len);

    p->piece = bytes.at;
    llhttp_errno_t e = llhttp_execute(&p->llhttp, bytes.at, n);
    if (e == HPE_PAUSED)
        n = (size_t)(llhttp_get_error_pos(&p->llhttp) - bytes.at);
    else if (e != HPE_OK)
        return parser_refuse_errno(p, e);
    *ret_used = n;
    if (p->raw.len + n > limit)
        return head_too_large(p);
    if (e == HPE_PAUSED)
        return head_whole(p, slice_of(bytes.at, n));
    if (buf_add(&p->raw, slice_of(bytes.at, n)) < 0)
        return parser_refuse(p, 503, "out of memory");
    return REQUEST_MORE;
}

/* ---- the body ---- */

static enum request_step feed_length(struct request_parser *p, struct slice bytes, size_t *ret_used)
{
    size_t n = MIN(bytes.len, p->size - p->body_len);

    if (n > 0)
        memcpy(p->body + p->body_len, bytes.at, n);
    *ret_used = n;
    return request_parser_took(p, n);
}

/* The buffer becomes the arena's. */
static enum request_step chunks_whole(struct request_parser *p)
{
    if (p->chunks.len > 0 && arena_defer(p->arena, free, p->chunks.at) < 0)
        return parser_refuse(p, 503, "out of memory");
    p->body = p->chunks.at;
    p->body_len = p->chunks.len;
    if (p->body_len == 0)
        buf_free(&p->chunks);
    buf_init(&p->chunks, 1);
    p->phase = WHOLE;
    return REQUEST_WHOLE;
}

static enum request_step feed_chunked(struct request_parser *p, struct slice bytes,
                                      size_t *ret_used)
{
    size_t n = bytes.len, before = p->chunks.len;
    llhttp_errno_t e = llhttp_execute(&p->llhttp, bytes.at, n);

    if (e == HPE_PAUSED)
        n = (size_t)(llhttp_get_error_pos(&p->llhttp) - bytes.at);
    else if (e != HPE_OK)
        return parser_refuse_errno(p, e);
    *ret_used = n;
    p->framing += n - (p->chunks.len - before);
    if (p->framing > p->limits.header_bytes + FRAMING_PER_BYTE * (uint64_t)p->chunks.len)
        return parser_refuse(p, 400, "more chunk framing than body");
    return e == HPE_PAUSED ? chunks_whole(p) : REQUEST_MORE;
}

/* ---- exported ---- */

struct request_parser *request_parser_new(void)
{
    struct request_parser *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    buf_init(&p->raw, 1);
    buf_init(&p->chunks, 1);
    return p;
}

void request_parser_free(struct request_parser *p)
{
    if (!p)
        return;
    buf_free(&p->raw);
    buf_free(&p->chunks);
    free(p);
}

void request_parser_start(struct request_parser *p, struct arena *arena,
                          const struct request_limits *limits)
{
    buf_free(&p->raw);
    buf_free(&p->chunks);
    /* with the one that was begun */
    memset(p->fields, 0, (p->fields_len + 1) * sizeof(p->fields[0]));
    memset(&p->head, 0, sizeof(p->head));
    llhttp_init(&p->llhttp, HTTP_REQUEST, &callbacks);
    buf_init(&p->raw, limits->header_bytes + 1);
    buf_init(&p->chunks, limits->body_bytes > 0 ? limits->body_bytes : 1);
    p->arena = arena;
    p->limits = *limits;
    p->phase = HEAD;
    p->fault = (struct request_fault){0};
    p->method = p->target = (struct span){0};
    p->fields_len = 0;
    p->body = NULL;
    p->body_len = p->size = 0;
    p->framing = 0;
}

enum request_step request_parser_feed(struct request_parser *p, struct slice bytes,
                                      size_t *ret_used)
{
    enum request_step step = REQUEST_MORE;
    size_t used = 0;

    *ret_used = 0;
    if (bytes.len == 0)
        return p->phase == BAD ? REQUEST_BAD : REQUEST_MORE;
    if (p->phase == HEAD) {
        step = feed_head(p, bytes, ret_used);
        bytes = slice_sub(bytes, *ret_used, bytes.len);
    }
    if (step != REQUEST_MORE || bytes.len == 0)
        return step;
    step = p->phase == LENGTH ? feed_length(p, bytes, &used) : feed_chunked(p, bytes, &used);
    *ret_used += used;
    return step;
}

char *request_parser_room(struct request_parser *p, size_t *ret_len)
{
    if (p->phase != LENGTH)
        return NULL;
    *ret_len = p->size - p->body_len;
    return p->body + p->body_len;
}

enum request_step request_parser_took(struct request_parser *p, size_t n)
{
    p->body_len += n;
    if (p->body_len < p->size)
        return REQUEST_MORE;
    p->phase = WHOLE;
    return REQUEST_WHOLE;
}

const struct request_head *request_parser_head(const struct request_parser *p)
{
    return p->head.path.len > 0 && p->phase != HEAD ? &p->head : NULL;
}

struct slice request_parser_body(const struct request_parser *p)
{
    return p->phase == CHUNKED ? buf_slice(&p->chunks) : slice_of(p->body, p->body_len);
}

struct request_fault request_parser_fault(const struct request_parser *p)
{
    return p->fault;
}
