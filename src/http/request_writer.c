/* request_writer.c: a client's request as bytes. */

#include "http/request_writer.h"

#include "base/fmt.h"

#include <errno.h>

static bool is_word(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if (c <= ' ' || c == 0x7f)
            return false;
    }
    return s.len > 0;
}

bool request_is_safe(const struct client_request *request)
{
    if (!is_word(request->method) || !is_word(request->target))
        return false;
    for (size_t i = 0; i < request->headers_len; i++) {
        const struct header *h = &request->headers[i];
        if (!header_name_is_safe(h->name) || !header_value_is_safe(h->value))
            return false;
    }
    return true;
}

uint64_t request_body_bytes(const struct client_request *request)
{
    uint64_t n = 0;

    for (size_t i = 0; i < request->body_len; i++)
        n += request->body[i].len;
    return n;
}

struct head_writer {
    char *at;
    size_t len, cap;
    bool full;
};

static void head_put(struct head_writer *w, struct slice s)
{
    if (w->full || s.len > w->cap - w->len) {
        w->full = true;
        return;
    }
    if (s.len)
        memcpy(w->at + w->len, s.at, s.len);
    w->len += s.len;
}

/* A request of these methods says its length also when it is nothing (RFC 9110 section 8.6). */
static bool method_has_body(struct slice method)
{
    return slice_eq(method, SLICE("POST")) || slice_eq(method, SLICE("PUT")) ||
           slice_eq(method, SLICE("PATCH"));
}

ssize_t request_write_head(const struct client_request *request, char *at, size_t cap)
{
    struct head_writer w = {.cap = cap};
    uint64_t body = request_body_bytes(request);

    w.at = at;
    head_put(&w, request->method);
    head_put(&w, SLICE(" "));
    head_put(&w, request->target);
    head_put(&w, SLICE(" HTTP/1.1\r\n"));
    for (size_t i = 0; i < request->headers_len; i++) {
        head_put(&w, request->headers[i].name);
        head_put(&w, SLICE(": "));
        head_put(&w, request->headers[i].value);
        head_put(&w, SLICE("\r\n"));
    }
    if (body || method_has_body(request->method)) {
        char digits[20];
        head_put(&w, SLICE("content-length: "));
        head_put(&w, slice_of(digits, fmt_u64(digits, body)));
        head_put(&w, SLICE("\r\n"));
    }
    head_put(&w, SLICE("\r\n"));
    return w.full ? -EMSGSIZE : (ssize_t)w.len;
}

void request_spans_from(const struct client_request *request, struct slice head, uint64_t sent,
                        struct request_spans *ret)
{
    ret->len = ret->bytes = 0;
    for (size_t i = 0; i <= request->body_len && ret->len < ARRAY_LEN(ret->at); i++) {
        struct slice piece = i == 0 ? head : request->body[i - 1];
        if (sent >= piece.len) {
            sent -= piece.len;
            continue;
        }
        piece = slice_sub(piece, (size_t)sent, piece.len);
        ret->at[ret->len++] = piece;
        ret->bytes += piece.len;
        sent = 0;
    }
}
