/* fuzz_adapter_members.c: a valid request through the rules of a vendor that has every kind of
 * them.
 *
 * What must hold: the provider's body is a valid object again; what the rules do not name stands in
 * it byte for byte and in its order; what the vendor does not know is gone. */

#include "adapter/openai.h"
#include "adapter/registry.h"
#include "codec/json_cursor.h"
#include "wire/openai_chat.h"

#include "support/whole_body.h"

#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static bool is_named(const struct json_name *name, const char *text)
{
    return text && json_name_is(name, slice_str(text));
}

/* A rule holds for it, by the vendor's name or by the client's. */
static bool is_ruled(const struct openai_member *rules, const struct json_name *name)
{
    for (; rules->name; rules++)
        if (is_named(name, rules->name) ||
            (rules->act == OPENAI_RENAME && is_named(name, rules->text)))
            return true;
    return false;
}

/* The next member that no rule names. */
static bool next_free(struct json_cursor *c, const struct openai_member *rules,
                      struct json_name *name, struct json_value *value)
{
    while (json_cursor_member(c, name)) {
        *value = json_cursor_take(c);
        if (!is_ruled(rules, name))
            return true;
    }
    return false;
}

static void check_free(const struct openai_member *rules, struct slice asked, struct slice sent)
{
    struct json_cursor a = json_cursor_of(asked), b = json_cursor_of(sent);
    struct json_name name, again;
    struct json_value value, same;

    check(json_cursor_enter(&a) && json_cursor_enter(&b));
    while (next_free(&a, rules, &name, &value)) {
        check(next_free(&b, rules, &again, &same));
        check(slice_eq(name.text, again.text) && slice_eq(value.text, same.text));
    }
    check(!next_free(&b, rules, &again, &same));
}

static void check_ruled(const struct openai_member *rules, struct slice sent)
{
    for (; rules->name; rules++) {
        struct json_member wanted = {slice_str(rules->name)};
        struct json_value v;
        struct json_error why;
        check(json_scan(sent, &wanted, 1, &v, &why));
        check(v.type == JSON_NONE || rules->act == OPENAI_CLAMP);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct target t = {
        .adapter = adapter_find(SLICE("mistral")),
        .authority = SLICE("example.org"),
    };
    const struct openai_rules *row = t.adapter->row;
    struct arena arena;
    struct call call;
    struct fault fault = {0};
    struct http_message m;

    arena_init(&arena, 0);
    if (openai_chat_read(slice_of((const char *)bytes, n), &arena, &call, &fault)) {
        t.upstream_model = call.model;
        int rc = t.adapter->ops[CALL_CHAT]->encode(&t, &call, &arena, &m, &fault);
        check(rc == OK || rc == -EINVAL);
        if (rc < 0) {
            check(fault.kind == FAULT_UNSUPPORTED || fault.kind == FAULT_DUPLICATE_MEMBER);
            check(fault.param.len > 0 && fault.message.len > 0);
        } else {
            check(m.body_len <= ADAPTER_SPANS);
            check_free(row->members, call.body, whole_body(&arena, &m));
            check_ruled(row->members, whole_body(&arena, &m));
        }
    }
    arena_clear(&arena);
    return 0;
}
