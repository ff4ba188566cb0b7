/* translate_check.h: tables of requests and what must become of them. */

#pragma once

#include "support/alloc_fail.h"
#include "support/translate.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

struct translated {
    const char *from, *to; /* with ' for " */
};

struct refused {
    const char *from; /* with ' for " */
    enum fault_kind kind;
    const char *param;
};

/* The text with each ' as ". The caller frees it: memory of its exact size, so that a read past it
 * is found. */
static inline struct slice quoted(const char *text)
{
    size_t n = strlen(text);
    char *at = malloc(n ? n : 1);

    for (size_t i = 0; i < n; i++)
        at[i] = text[i] == '\'' ? '"' : text[i];
    return slice_of(at, n);
}

static inline void check_translated(const struct translation *t, const struct wire_options *o,
                                    const struct translated *table, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct slice from = quoted(table[i].from), to = quoted(table[i].to), body = {0};
        struct json_error why;
        struct arena arena;
        struct fault fault;

        arena_init(&arena, 0);
        if (!translate(t, from, o, &arena, &body, &fault))
            fail_msg("%s: %.*s", table[i].from, SLICE_FMT(fault.message));
        if (!slice_eq(body, to))
            fail_msg("%s\n  becomes  %.*s\n  but not  %.*s", table[i].from, SLICE_FMT(body),
                     SLICE_FMT(to));
        assert_true(json_is_valid(body, &why));
        arena_clear(&arena);
        free((char *)from.at);
        free((char *)to.at);
    }
}

static inline void check_refused(const struct translation *t, const struct wire_options *o,
                                 const struct refused *table, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct slice from = quoted(table[i].from), body = {0};
        struct arena arena;
        struct fault fault;

        arena_init(&arena, 0);
        if (translate(t, from, o, &arena, &body, &fault))
            fail_msg("accepted: %s\n as %.*s", table[i].from, SLICE_FMT(body));
        if (fault.kind != table[i].kind || !slice_eq(fault.param, slice_str(table[i].param)))
            fail_msg("%s: kind %d param '%.*s', %.*s", table[i].from, (int)fault.kind,
                     SLICE_FMT(fault.param), SLICE_FMT(fault.message));
        assert_true(fault.message.len > 0);
        arena_clear(&arena);
        free((char *)from.at);
    }
}

/* A body that is cut anywhere is refused, and read no further than it goes. */
static inline void check_cut(const struct translation *t, const struct wire_options *o,
                             const char *text)
{
    struct slice whole = quoted(text);

    for (size_t n = 0; n < whole.len; n++) {
        char *cut = malloc(n ? n : 1);
        struct slice body = {0};
        struct arena arena;
        struct fault fault;

        if (n > 0)
            memcpy(cut, whole.at, n);
        arena_init(&arena, 0);
        assert_false(translate(t, slice_of(cut, n), o, &arena, &body, &fault));
        assert_int_equal(fault.kind, FAULT_INVALID_JSON);
        arena_clear(&arena);
        free(cut);
    }
    free((char *)whole.at);
}

/* Memory may run out anywhere: the request is then refused as the gateway's fault, or the text of a
 * refusal is missing. */
static inline void check_out_of_memory(const struct translation *t, const struct wire_options *o,
                                       const char *text, bool accepted)
{
    struct slice body = quoted(text);

    for (unsigned n = 1;; n++) {
        struct arena arena;
        struct fault fault;
        struct slice to = {0};

        arena_init(&arena, 0);
        alloc_fail_at(n);
        bool ok = translate(t, body, o, &arena, &to, &fault);
        bool hit = alloc_fail_hit();
        alloc_fail_at(0);
        arena_clear(&arena);
        if (!hit) {
            assert_int_equal(ok, accepted);
            break;
        }
        if (ok)
            fail_msg("allocation %u was not missed", n);
        if (accepted)
            assert_int_equal(fault.kind, FAULT_INTERNAL);
    }
    free((char *)body.at);
}
