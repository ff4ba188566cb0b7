/* translate.h: one request from a dialect into the other, for tests. */

#pragma once

#include "codec/json.h"
#include "wire/anthropic_messages.h"
#include "wire/chat_wire.h"
#include "wire/openai_chat.h"

typedef bool read_request_fn(struct slice body, struct arena *a, struct call *ret,
                             struct fault *ret_fault);
typedef bool parse_chat_fn(struct slice body, struct arena *a, struct chat *ret,
                           struct fault *ret_fault);
typedef bool write_chat_fn(const struct chat *c, const struct wire_options *o, struct arena *a,
                           struct slice *ret_body, struct fault *ret_fault);

struct translation {
    read_request_fn *read;
    parse_chat_fn *parse;
    write_chat_fn *write;
};

static const struct translation to_anthropic
    __attribute__((unused)) = {openai_chat_read, openai_chat_parse, anthropic_messages_write};
static const struct translation to_openai __attribute__((unused)) = {
    anthropic_messages_read, anthropic_messages_parse, openai_chat_write};

/* *ret_body lives in a. */
static inline bool translate(const struct translation *t, struct slice body,
                             const struct wire_options *o, struct arena *a, struct slice *ret_body,
                             struct fault *ret_fault)
{
    struct call call;
    struct chat chat;

    return t->read(body, a, &call, ret_fault) && t->parse(body, a, &chat, ret_fault) &&
           t->write(&chat, o, a, ret_body, ret_fault);
}
