/* json_out.c: room in the arena, and the two conversions that a writer needs. */

#include "codec/json_out.h"

#include "base/escape.h"
#include "base/fmt.h"

enum { SMALLEST = 256 };

void json_out_begin(struct json_out *o, struct arena *a, size_t expected)
{
    *o = (struct json_out){.arena = a, .cap = MAX(expected, (size_t)SMALLEST)};
    o->at = arena_alloc(a, o->cap);
    if (!o->at)
        o->cap = 0;
}

bool json_out_grow(struct json_out *o, size_t n)
{
    size_t cap = MAX(o->cap * 2, o->len + n);
    char *at = o->at ? arena_alloc(o->arena, cap) : NULL;

    if (!at) {
        *o = (struct json_out){.arena = o->arena};
        return false;
    }
    memcpy(at, o->at, o->len);
    o->at = at;
    o->cap = cap;
    return true;
}

void json_out_u64(struct json_out *o, uint64_t n)
{
    char digits[20];

    json_out_add(o, slice_of(digits, fmt_u64(digits, n)));
}

void json_out_escape(struct json_out *o, struct slice text)
{
    while (text.len > 0 && json_out_room(o, ESCAPE_MOST)) {
        o->len += escape_json(o->at + o->len, o->cap - o->len, &text);
        /* what is left had no room: at least as many bytes are still to come */
        if (text.len > 0 && !json_out_grow(o, text.len + ESCAPE_MOST))
            return;
    }
}
