/* anthropic.c: a call in Anthropic's dialect to a provider that speaks it.
 *
 * The body passes byte for byte but for the model's name; cache_control, blocks and members that
 * nobody here knows survive, and so do the client's own anthropic-version and anthropic-beta. */

#include "adapter/anthropic.h"

#include "adapter/anthropic_answers.h"
#include "adapter/encoding.h"
#include "adapter/retry_after.h"
#include "wire/anthropic_answer.h"
#include "wire/anthropic_error.h"

#include <errno.h>

static const struct slice version_name = SLICE_INIT("anthropic-version");

/* What the client sent of its own for a provider of its dialect. */
static int add_client_headers(const struct call *c, struct arena *a, struct headers *ret)
{
    for (size_t i = 0; c->dialect == DIALECT_MESSAGES && i < c->headers_len; i++) {
        int rc = headers_add(ret, a, c->headers[i].name, c->headers[i].value);
        if (rc < 0)
            return rc;
    }
    if (headers_find(ret, version_name))
        return OK;
    return headers_add(ret, a, version_name, SLICE("2023-06-01"));
}

static bool ends_with(struct slice s, struct slice end)
{
    return s.len >= end.len && slice_eq(slice_sub(s, s.len - end.len, s.len), end);
}

int anthropic_head(const struct target *t, const struct call *c, struct arena *a,
                   struct http_message *ret)
{
    /* both spellings of a base URL are in use */
    bool has_version = ends_with(t->base_path, SLICE("/v1"));
    struct slice path =
        c->kind == CALL_COUNT_TOKENS ? SLICE("/v1/messages/count_tokens") : SLICE("/v1/messages");
    const struct encoding_place place = {
        .path = slice_sub(path, has_version ? strlen("/v1") : 0, path.len),
        .key_name = SLICE("x-api-key"),
    };
    int rc = encoding_head(t, c, a, &place, ret);

    return rc < 0 ? rc : add_client_headers(c, a, &ret->headers);
}

static int messages_encode(const struct target *t, const struct call *c, struct arena *a,
                           struct http_message *ret, struct fault *ret_fault)
{
    struct edits edits = {.len = 0};

    if (!encoding_key_is_safe(t, ret_fault))
        return -EINVAL;
    int rc = anthropic_head(t, c, a, ret);
    if (rc == OK)
        rc = edits_model(&edits, t, c, a);
    if (rc == OK)
        edits_splice(&edits, c->body, ret);
    return rc;
}

static void pass_refusal(const struct anthropic_error *error, struct fault *ret)
{
    ret->upstream_body = error->object;
    ret->upstream_content_type = SLICE("application/json");
}

void anthropic_read_refusal(struct slice body, struct fault *ret)
{
    struct anthropic_error error;

    if (!anthropic_error_read(body, &error))
        return;
    *ret = anthropic_error_fault(&error);
    if (fault_is_refusal(ret->kind))
        pass_refusal(&error, ret);
}

static int messages_decode(const struct decoding *d, struct slice body, struct reply *ret,
                           struct fault *ret_fault)
{
    int rc = anthropic_read_reply(body, ret);

    (void)d;
    if (rc == -EPROTO)
        anthropic_read_refusal(body, ret_fault);
    return rc;
}

static int count_decode(const struct decoding *d, struct slice body, struct reply *ret,
                        struct fault *ret_fault)
{
    int rc = anthropic_read_count(body, ret);

    (void)d;
    if (rc == -EPROTO)
        anthropic_read_refusal(body, ret_fault);
    return rc;
}

static int messages_decode_event(void *state, struct slice name, struct slice data,
                                 struct event_list *ret)
{
    ret->len = 1;
    return anthropic_read_event(state, name, data, &ret->at[0]);
}

_Static_assert(offsetof(struct anthropic_stream, wants_text) ==
                   offsetof(struct decoder, wants_text),
               "a decoder's state begins with struct decoder");

const struct adapter_op anthropic_messages_op = {
    .encode = messages_encode,
    .decode = messages_decode,
    .decode_event = messages_decode_event,
    .alike = anthropic_alike,
    .framing = FRAMING_SSE,
    .state_size = sizeof(struct anthropic_stream),
};

const struct adapter_op anthropic_count_tokens_op = {
    .encode = messages_encode,
    .decode = count_decode,
};

static void anthropic_classify(int status, const struct headers *h, struct slice body,
                               struct fault *ret)
{
    struct anthropic_error error;
    bool readable = anthropic_error_read(body, &error);

    *ret = (struct fault){
        .kind = anthropic_error_kind(status, readable ? &error : NULL),
        .upstream_status = status,
        .retry_after_ms = retry_after_ms(h),
    };
    if (fault_is_refusal(ret->kind) && readable)
        pass_refusal(&error, ret);
}

/* clang-format off */
static const struct setting_rule settings[] = {
    {"base_url", false, "https://api.anthropic.com", "where its API is; before /v1"},
    {"api_key", false, NULL, "sent as x-api-key when given"},
    {NULL, false, NULL, NULL},
};
/* clang-format on */

const struct adapter anthropic_adapter = {
    .name = "anthropic",
    .dialect = DIALECT_MESSAGES,
    .settings = settings,
    .ops =
        {
              [CALL_CHAT] = &anthropic_chat_op,
              [CALL_MESSAGES] = &anthropic_messages_op,
              [CALL_COUNT_TOKENS] = &anthropic_count_tokens_op,
              },
    .classify = anthropic_classify,
};
