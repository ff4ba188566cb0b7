/* fuzz_http_client_head.c: an answer means the same however its bytes are cut.
 *
 * The first byte says whether it answers HEAD, and how the rest is cut; the rest is what a server
 * sends. It is parsed whole and then in pieces, each in memory of exactly its size. */

#include "http/answer_parser.h"

#include "base/buf.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { LIMIT = 2048 };

struct result {
    int rc, end;
    bool whole, keep_alive, unframed;
    size_t used;
    unsigned heads;
    struct buf text; /* head and body, written down */
};

static void describe_head(struct result *r, const struct answer_head *head)
{
    r->heads++;
    buf_printf(&r->text, "%d|%lld", head->status, (long long)head->content_length);
    for (size_t i = 0; i < head->headers.len; i++) {
        struct header h = head->headers.at[i];
        if (!header_value_is_safe(h.value) || h.name.len == 0)
            abort();
        buf_printf(&r->text, "\n%.*s:%.*s", SLICE_FMT(h.name), SLICE_FMT(h.value));
    }
    buf_add(&r->text, SLICE("\n\n"));
}

static void feed_piece(struct answer_parser *p, struct slice piece, struct result *r)
{
    struct answer_step step;
    char *at = malloc(piece.len);

    if (!at)
        abort();
    memcpy(at, piece.at, piece.len);
    r->rc = answer_parser_feed(p, at, piece.len, &step);
    if (step.head)
        describe_head(r, &p->head);
    if (step.body.len) {
        if (step.body.at < at || step.body.at + step.body.len > at + piece.len || !r->heads)
            abort();
        buf_add(&r->text, step.body);
    }
    if (step.used > piece.len || (step.whole && r->rc != OK))
        abort();
    r->whole = step.whole;
    r->used += step.used;
    free(at);
}

static void parse(struct slice text, unsigned cut, bool to_head, struct result *r)
{
    struct answer_parser p;
    size_t at = 0;

    *r = (struct result){0};
    buf_init(&r->text, 1 << 20);
    answer_parser_init(&p, LIMIT, to_head);
    while (at < text.len && r->rc == OK && !r->whole) {
        size_t piece = cut == 0 ? text.len : 1 + (at * 7 + cut) % (cut * 3);
        piece = MIN(piece, text.len - at);
        feed_piece(&p, slice_sub(text, at, at + piece), r);
        at += piece;
    }
    r->end = answer_parser_end(&p);
    r->keep_alive = p.keep_alive;
    r->unframed = p.unframed;
    if ((r->whole && !p.head_whole) || (r->end == OK && !p.unframed) || r->heads > 1)
        abort();
    answer_parser_clear(&p);
}

/* The limit is looked at between pieces: only there the cuts make a difference. */
static bool over_limit(const struct result *r)
{
    return r->rc == -EMSGSIZE;
}

static bool same(const struct result *a, const struct result *b)
{
    return a->rc == b->rc && a->end == b->end && a->whole == b->whole &&
           a->keep_alive == b->keep_alive && a->unframed == b->unframed && a->heads == b->heads &&
           (a->rc < 0 || a->used == b->used) && slice_eq(buf_slice(&a->text), buf_slice(&b->text));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct result whole, cut;

    if (n < 2)
        return 0;
    struct slice text = slice_of((const char *)bytes + 1, n - 1);
    bool to_head = bytes[0] & 1;
    parse(text, 0, to_head, &whole);
    parse(text, 1 + bytes[0] / 16u, to_head, &cut);
    if (!over_limit(&whole) && !over_limit(&cut) && !same(&whole, &cut))
        abort();
    buf_free(&whole.text);
    buf_free(&cut.text);
    return 0;
}
