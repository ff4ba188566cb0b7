/* encoding.c: heads, and bodies with spans replaced. Key order, white space and number literals
 * survive: providers' prompt caches depend on them. */

#include "adapter/encoding.h"

#include "codec/json_out.h"

#include <errno.h>

void edits_add(struct edits *e, struct edit edit)
{
    size_t i = e->len++;

    for (; i > 0 && e->at[i - 1].from > edit.from; i--)
        e->at[i] = e->at[i - 1];
    e->at[i] = edit;
}

struct slice encoding_escape(struct arena *a, struct slice text)
{
    struct json_out o;

    json_out_begin(&o, a, text.len);
    json_out_escape(&o, text);
    return json_out_failed(&o) ? (struct slice){0} : json_out_slice(&o);
}

int edits_model(struct edits *e, const struct target *t, const struct call *c, struct arena *a)
{
    if (slice_eq(c->model, t->upstream_model))
        return OK;

    struct slice escaped = encoding_escape(a, t->upstream_model);
    if (!escaped.at)
        return -ENOMEM;
    /* the quotes stay */
    edits_add(e, (struct edit){c->model_span.from + 1, c->model_span.to - 1, escaped});
    return OK;
}

static void add_span(struct http_message *ret, struct slice span)
{
    if (span.len > 0)
        ret->body[ret->body_len++] = span;
}

void edits_splice(const struct edits *e, struct slice body, struct http_message *ret)
{
    size_t at = 0;

    for (size_t i = 0; i < e->len; i++) {
        add_span(ret, slice_sub(body, at, e->at[i].from));
        add_span(ret, e->at[i].text);
        at = e->at[i].to;
    }
    add_span(ret, slice_sub(body, at, body.len));
}

/* a and b as one text; .at is NULL when out of memory. */
static struct slice join(struct arena *arena, struct slice a, struct slice b)
{
    char *at = arena_alloc(arena, a.len + b.len);

    if (!at)
        return (struct slice){0};
    if (a.len > 0)
        memcpy(at, a.at, a.len);
    if (b.len > 0)
        memcpy(at + a.len, b.at, b.len);
    return slice_of(at, a.len + b.len);
}

bool encoding_key_is_safe(const struct target *t, struct fault *ret_fault)
{
    if (header_value_is_safe(secret_reveal(t->api_key)))
        return true;
    *ret_fault = (struct fault){.kind = FAULT_UPSTREAM_CREDENTIALS};
    return false;
}

static int add_key(const struct target *t, struct arena *a, const struct encoding_place *place,
                   struct headers *ret)
{
    if (secret_is_empty(t->api_key))
        return OK;

    struct slice value = join(a, place->key_prefix, secret_reveal(t->api_key));
    return value.at ? headers_add(ret, a, place->key_name, value) : -ENOMEM;
}

/* The path, and the query when there is one. */
static struct slice target_of(const struct target *t, struct arena *a,
                              const struct encoding_place *place)
{
    struct slice query = slice_is_empty(t->query) ? place->query : t->query;

    if (slice_is_empty(query))
        return join(a, t->base_path, place->path);
    return arena_printf(a, "%.*s%.*s?%.*s", SLICE_FMT(t->base_path), SLICE_FMT(place->path),
                        SLICE_FMT(query));
}

int encoding_head(const struct target *t, const struct call *c, struct arena *a,
                  const struct encoding_place *place, struct http_message *ret)
{
    const struct header fixed[] = {
        {SLICE("host"),            t->authority                                                      },
        {SLICE("user-agent"),      SLICE("courier")                                                  },
        {SLICE("content-type"),    SLICE("application/json")                                         },
        {SLICE("accept"),          c->stream ? SLICE("text/event-stream") : SLICE("application/json")},
        {SLICE("accept-encoding"), SLICE("identity")                                                 },
    };

    *ret = (struct http_message){
        .method = SLICE("POST"),
        .path = target_of(t, a, place),
    };
    if (!ret->path.at)
        return -ENOMEM;
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
        int rc = headers_add(&ret->headers, a, fixed[i].name, fixed[i].value);
        if (rc < 0)
            return rc;
    }
    return add_key(t, a, place, &ret->headers);
}

void encoding_complete(const struct decoding *d, struct slice body, struct answer *answer,
                       struct reply *ret)
{
    ret->usage = answer->usage;
    if (answer->usage.source == USAGE_NONE) {
        answer->usage.input = d->call->prompt_estimate;
        answer->usage.output = body.len / 4;
    }
    if (slice_is_empty(answer->model))
        answer->model = encoding_escape(d->arena, d->target->upstream_model);
}
