/* fuzz_http_request.c: a request means the same however its bytes are cut.
 *
 * The input is what a client sends. It is parsed whole and then in pieces, whose lengths follow
 * from the input itself; the bytes of a body of known length partly go straight into its room. */

#include "http/request_parser.h"

#include "base/buf.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

struct result {
    enum request_step step;
    size_t used;
    struct request_fault fault;
    struct buf text;
};

static void describe(struct result *r, const struct request_parser *p)
{
    const struct request_head *h = request_parser_head(p);

    r->fault = request_parser_fault(p);
    if (r->step == REQUEST_BAD || !h)
        return;
    buf_printf(&r->text, "%.*s|%.*s|%.*s|%.*s|%u%d%d", SLICE_FMT(h->method), SLICE_FMT(h->target),
               SLICE_FMT(h->path), SLICE_FMT(h->query), h->minor, h->keep_alive,
               h->expects_continue);
    for (size_t i = 0; i < h->headers.len; i++)
        buf_printf(&r->text, "\n%.*s:%.*s", SLICE_FMT(h->headers.at[i].name),
                   SLICE_FMT(h->headers.at[i].value));
    buf_add(&r->text, request_parser_body(p));
}

/* One piece, in memory of exactly its size. */
static size_t feed_piece(struct request_parser *p, struct slice piece, enum request_step *ret_step)
{
    size_t used = 0, room_len = 0;
    char *room = request_parser_room(p, &room_len);

    if (room && piece.len % 2) {
        used = MIN(piece.len, room_len);
        memcpy(room, piece.at, used);
        *ret_step = request_parser_took(p, used);
        return used;
    }
    char *at = malloc(piece.len);
    if (!at)
        abort();
    memcpy(at, piece.at, piece.len);
    *ret_step = request_parser_feed(p, slice_of(at, piece.len), &used);
    free(at);
    if (used > piece.len || (*ret_step == REQUEST_MORE && used != piece.len))
        abort();
    return used;
}

/* seed 0: in one piece. */
static void parse(struct slice text, uint32_t seed, struct result *ret)
{
    static const struct request_limits limits = {.header_bytes = 4096, .body_bytes = 65536};
    struct request_parser *p = request_parser_new();
    struct arena arena;

    arena_init(&arena, 0);
    buf_init(&ret->text, 1 << 24);
    ret->step = REQUEST_MORE;
    ret->used = 0;
    request_parser_start(p, &arena, &limits);
    while (ret->used < text.len && ret->step == REQUEST_MORE) {
        size_t n = text.len - ret->used;
        if (seed) {
            seed = (seed * 1664525 + 1013904223) | 1;
            n = MIN(n, 1 + (seed >> 16) % (seed >> 8 & 1 ? 4 : 400));
        }
        ret->used += feed_piece(p, slice_sub(text, ret->used, ret->used + n), &ret->step);
    }
    describe(ret, p);
    request_parser_free(p);
    arena_clear(&arena);
}

/* Where the limit of the framing is noticed depends on the pieces. */
static bool is_same(const struct result *a, const struct result *b)
{
    const char *framing = "more chunk framing than body";

    if (a->step == REQUEST_BAD && strcmp(a->fault.why, framing) == 0)
        return true;
    if (b->step == REQUEST_BAD && strcmp(b->fault.why, framing) == 0)
        return true;
    if (a->step == REQUEST_BAD)
        return b->step == REQUEST_BAD && a->fault.status == b->fault.status;
    return a->step == b->step && a->used == b->used &&
           slice_eq(buf_slice(&a->text), buf_slice(&b->text));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct slice text = {(const char *)bytes, n};
    struct result whole, cut;
    uint32_t seed = 2166136261;

    for (size_t i = 0; i < n; i++)
        seed = (seed ^ bytes[i]) * 16777619; /* FNV-1a */
    parse(text, 0, &whole);
    parse(text, seed | 1, &cut);
    if (!is_same(&whole, &cut))
        abort();
    buf_free(&whole.text);
    buf_free(&cut.text);
    return 0;
}
