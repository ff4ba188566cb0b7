/* fuzz_adapter_encode.c: what is spliced into a valid request.
 *
 * What must hold: the provider's body is a valid request again, with the provider's model and a
 * stream that tells its usage; and it is the client's body byte for byte but for the values of
 * `model` and `stream_options`. */

#include "adapter/registry.h"
#include "wire/openai_chat.h"

#include "support/whole_body.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static bool covers(struct span outer, size_t from, size_t to)
{
    return outer.from <= from && to <= outer.to;
}

/* Bytes [from, to) of the client's body were left out. */
static void check_gap(const struct call *c, size_t from, size_t to)
{
    check(from == to || covers(c->model_span, from, to) || covers(c->stream_options, from, to));
}

static void check_gaps(const struct call *c, const struct http_message *m)
{
    size_t at = 0;

    for (size_t i = 0; i < m->body_len; i++) {
        uintptr_t from = (uintptr_t)m->body[i].at - (uintptr_t)c->body.at;
        if (from > c->body.len)
            continue; /* a piece that was put in */
        check(from >= at);
        check_gap(c, at, from);
        at = from + m->body[i].len;
    }
    check_gap(c, at, c->body.len);
}

static void check_encode(const struct call *c, struct arena *a)
{
    struct target t = {
        .adapter = adapter_find(SLICE("openai")),
        .authority = SLICE("example.org"),
        .upstream_model = SLICE("the \"other\"\x01 one"),
    };
    struct http_message m;
    struct fault fault;
    struct call sent;

    check(t.adapter->ops[CALL_CHAT]->encode(&t, c, a, &m, &fault) == OK);
    check(m.body_len <= ADAPTER_SPANS);
    check(openai_chat_read(whole_body(a, &m), a, &sent, &fault));
    check(slice_eq(sent.model, t.upstream_model));
    check(sent.stream == c->stream && sent.max_tokens == c->max_tokens);
    check(sent.include_usage == (c->include_usage || c->stream));
    check_gaps(c, &m);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct arena arena;
    struct call call;
    struct fault fault;

    arena_init(&arena, 0);
    if (openai_chat_read(slice_of((const char *)bytes, n), &arena, &call, &fault))
        check_encode(&call, &arena);
    arena_clear(&arena);
    return 0;
}
