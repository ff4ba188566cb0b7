/* answer_parser.c: one HTTP/1.1 answer over llhttp, in its strict mode.
 *
 * Names and values are gathered in one text while the head comes in, with offsets in place of
 * pointers because the text grows; answer_settle turns them into slices, and puts all in one block
 * of its exact size: thousands of streams may wait behind a head. */

#include "http/answer_parser.h"

#include <errno.h>
#include <llhttp.h>
#include <stdlib.h>

enum { TEXT_FIRST = 512, FIELDS_FIRST = 16 };

_Static_assert(sizeof(llhttp_t) <= sizeof(((struct answer_parser *)0)->llhttp), "room for llhttp");

static llhttp_t *llhttp_of(struct answer_parser *p)
{
    return (llhttp_t *)(void *)p->llhttp;
}

static struct answer_parser *parser_of(llhttp_t *llhttp)
{
    return container_of(llhttp, struct answer_parser, llhttp);
}

static int answer_stop(struct answer_parser *p, int rc)
{
    p->rc = rc;
    return HPE_USER;
}

/* Counts bytes that are not body, wherever they stand. */
static int answer_count(struct answer_parser *p, size_t n)
{
    if (n > p->limit - p->head_bytes)
        return -EMSGSIZE;
    p->head_bytes += (uint32_t)n;
    return OK;
}

static int answer_add_text(struct answer_parser *p, const char *at, size_t n)
{
    if (n > p->text_cap - p->text_len) {
        size_t cap = MAX((size_t)p->text_cap * 2, TEXT_FIRST);
        while (cap - p->text_len < n)
            cap *= 2;
        char *text = realloc(p->text, cap);
        if (!text)
            return -ENOMEM;
        p->text = text;
        p->text_cap = (uint32_t)cap;
    }
    if (n)
        memcpy(p->text + p->text_len, at, n);
    p->text_len += (uint32_t)n;
    return OK;
}

/* A slice of the text whose place is still an offset. */
static struct slice slice_at_end(const struct answer_parser *p)
{
    return slice_of((const char *)(uintptr_t)p->text_len, 0);
}

static int answer_add_field(struct answer_parser *p)
{
    struct headers *h = &p->head.headers;

    if (h->len == HEADERS_MAX)
        return -EMSGSIZE;
    if (h->len == h->cap) {
        size_t cap = h->cap ? h->cap * 2 : FIELDS_FIRST;
        struct header *at = realloc(h->at, cap * sizeof(*at));
        if (!at)
            return -ENOMEM;
        h->at = at;
        h->cap = cap;
    }
    h->at[h->len++] = (struct header){.name = slice_at_end(p)};
    return OK;
}

static int answer_on_field(llhttp_t *llhttp, const char *at, size_t n)
{
    struct answer_parser *p = parser_of(llhttp);
    int rc = answer_count(p, n);

    if (rc < 0)
        return answer_stop(p, rc);
    if (p->head_whole) /* a trailer: nobody reads it */
        return HPE_OK;
    if (!p->naming)
        rc = answer_add_field(p);
    p->naming = true;
    if (rc == OK)
        rc = answer_add_text(p, at, n);
    if (rc < 0)
        return answer_stop(p, rc);
    p->head.headers.at[p->head.headers.len - 1].name.len += n;
    return HPE_OK;
}

static int answer_on_field_complete(llhttp_t *llhttp)
{
    struct answer_parser *p = parser_of(llhttp);

    if (p->head_whole)
        return HPE_OK;
    p->naming = false;
    p->head.headers.at[p->head.headers.len - 1].value = slice_at_end(p);
    return HPE_OK;
}

static int answer_on_value(llhttp_t *llhttp, const char *at, size_t n)
{
    struct answer_parser *p = parser_of(llhttp);
    int rc = answer_count(p, n);

    if (rc == OK && !p->head_whole)
        rc = answer_add_text(p, at, n);
    if (rc < 0)
        return answer_stop(p, rc);
    if (!p->head_whole)
        p->head.headers.at[p->head.headers.len - 1].value.len += n;
    return HPE_OK;
}

static int answer_on_extension(llhttp_t *llhttp, const char *at, size_t n)
{
    struct answer_parser *p = parser_of(llhttp);
    int rc = answer_count(p, n);
    (void)at;

    return rc < 0 ? answer_stop(p, rc) : HPE_OK;
}

static void answer_free_text(struct answer_parser *p)
{
    free(p->text);
    p->text = NULL;
    p->text_len = p->text_cap = 0;
}

static struct slice slice_settled(const char *text, struct slice s)
{
    return slice_trim(slice_of(text + (uintptr_t)s.at, s.len));
}

/* Offsets become slices. -ENOMEM. */
static int answer_settle(struct answer_parser *p)
{
    struct headers *h = &p->head.headers;

    if (h->len == 0) {
        answer_free_text(p); /* an interim answer's */
        return OK;
    }
    struct header *at = malloc(h->len * sizeof(*at) + p->text_len);
    if (!at)
        return -ENOMEM;
    const char *text = memcpy(at + h->len, p->text, p->text_len);
    for (size_t i = 0; i < h->len; i++) {
        at[i].name = slice_settled(text, h->at[i].name);
        at[i].value = slice_settled(text, h->at[i].value);
    }
    free(h->at);
    *h = (struct headers){at, h->len, h->len};
    answer_free_text(p);
    return OK;
}

/* Any coding but chunked would be handed on undecoded; HTTP/1.0 has none (RFC 9112 section 6.1). */
static bool answer_coding_is_known(const struct answer_parser *p, const llhttp_t *llhttp)
{
    const struct slice name = SLICE("transfer-encoding");
    size_t n = headers_count(&p->head.headers, name);

    return n == 0 || (n == 1 && llhttp->http_minor >= 1 && (llhttp->flags & F_CHUNKED) &&
                      slice_eq_nocase(headers_get(&p->head.headers, name), SLICE("chunked")));
}

static void answer_forget_interim(struct answer_parser *p)
{
    p->interim = true;
    p->text_len = 0;
    p->head.headers.len = 0;
}

/* 0: a body may follow; 1: none does. */
static int answer_on_head(llhttp_t *llhttp)
{
    struct answer_parser *p = parser_of(llhttp);
    int status = llhttp->status_code;

    if (llhttp->http_major != 1 || status < 100 || status == 101)
        return answer_stop(p, -EPROTO); /* 101: nobody asked for another protocol */
    p->interim = false;
    if (status < 200) {
        answer_forget_interim(p);
        return 1;
    }
    int rc = answer_settle(p);
    if (rc < 0)
        return answer_stop(p, rc);
    bool announced = llhttp->flags & F_CONTENT_LENGTH;
    if (!answer_coding_is_known(p, llhttp) || (announced && llhttp->content_length > INT64_MAX))
        return answer_stop(p, -EPROTO);
    p->head_whole = true;
    p->head.status = status;
    p->head.content_length = announced ? (int64_t)llhttp->content_length : -1;
    if (p->to_head)
        return 1;
    if (status == 204 || status == 304) {
        p->head.content_length = 0;
        return 1;
    }
    p->unframed = llhttp_message_needs_eof(llhttp);
    return 0;
}

static int answer_on_body(llhttp_t *llhttp, const char *at, size_t n)
{
    struct answer_parser *p = parser_of(llhttp);

    if (p->body.len == 0) {
        p->body = slice_of(at, n);
        return HPE_OK;
    }
    char *to = (char *)(uintptr_t)p->body.at + p->body.len; /* within the bytes fed: writable */
    if (to != at)
        memmove(to, at, n);
    p->body.len += n;
    return HPE_OK;
}

static int answer_on_whole(llhttp_t *llhttp)
{
    struct answer_parser *p = parser_of(llhttp);

    if (p->interim)
        return HPE_OK;
    p->whole = true;
    p->keep_alive = llhttp->http_minor >= 1 && llhttp_should_keep_alive(llhttp);
    return HPE_PAUSED;
}

static const llhttp_settings_t answer_settings = {
    .on_header_field = answer_on_field,
    .on_header_field_complete = answer_on_field_complete,
    .on_header_value = answer_on_value,
    .on_headers_complete = answer_on_head,
    .on_chunk_extension_name = answer_on_extension,
    .on_chunk_extension_value = answer_on_extension,
    .on_body = answer_on_body,
    .on_message_complete = answer_on_whole,
};

void answer_parser_init(struct answer_parser *p, size_t head_bytes, bool to_head)
{
    *p = (struct answer_parser){
        .limit = (uint32_t)MIN(head_bytes, (size_t)UINT32_MAX / 4),
        .to_head = to_head,
    };
    /* llhttp does not write to its settings */
    llhttp_init(llhttp_of(p), HTTP_RESPONSE, &answer_settings);
}

int answer_parser_feed(struct answer_parser *p, char *at, size_t n, struct answer_step *ret)
{
    bool had_head = p->head_whole;

    if (!had_head)
        p->fed = (uint32_t)MIN((size_t)p->fed + n, (size_t)UINT32_MAX);
    p->body = (struct slice){0};
    llhttp_errno_t e = llhttp_execute(llhttp_of(p), at, n);
    *ret = (struct answer_step){
        .head = p->head_whole && !had_head,
        .body = p->body,
        .whole = p->whole,
        .used = p->whole ? (size_t)(llhttp_get_error_pos(llhttp_of(p)) - at) : n,
    };
    if (e != HPE_OK && !p->whole)
        return p->rc < 0 ? p->rc : -EPROTO;
    /* also white space and reasons that no callback told of */
    return !p->head_whole && p->fed > p->limit ? -EMSGSIZE : OK;
}

int answer_parser_end(const struct answer_parser *p)
{
    return p->head_whole && p->unframed ? OK : -ECONNRESET;
}

void answer_parser_clear(struct answer_parser *p)
{
    answer_head_free(&p->head);
    answer_free_text(p);
}

void answer_head_free(struct answer_head *head)
{
    free(head->headers.at);
    *head = (struct answer_head){0};
}
