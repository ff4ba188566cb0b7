/* json_out.h: writes JSON text into the arena, as one run of bytes.
 *
 * Adds what it is told to add; that it is JSON in the end is the writer's care. When memory runs
 * out everything further is ignored, so a run of calls is checked once at its end. */

#pragma once

#include "base/arena.h"

struct json_out {
    char *at; /* NULL: failed */
    size_t len, cap;
    struct arena *arena;
};

/* expected: bytes; when they are enough, there is one allocation and nothing moves. */
void json_out_begin(struct json_out *o, struct arena *a, size_t expected);
/* Room for n more bytes; false when there is none. */
bool json_out_grow(struct json_out *o, size_t n);
void json_out_u64(struct json_out *o, uint64_t n);
/* text, unescaped, as the inside of a JSON string; bytes that are no UTF-8 become U+FFFD. */
void json_out_escape(struct json_out *o, struct slice text);

static inline bool json_out_room(struct json_out *o, size_t n)
{
    return LIKELY(o->cap - o->len >= n) || json_out_grow(o, n);
}

/* The bytes as they are. */
static inline void json_out_add(struct json_out *o, struct slice s)
{
    if (s.len == 0 || !json_out_room(o, s.len))
        return;
    memcpy(o->at + o->len, s.at, s.len);
    o->len += s.len;
}

#define json_out_literal(o, literal) json_out_add((o), SLICE(literal))

static inline void json_out_char(struct json_out *o, char c)
{
    json_out_add(o, slice_of(&c, 1));
}

/* The inside of a JSON string, with quotes around it. */
static inline void json_out_quote(struct json_out *o, struct slice inside)
{
    json_out_char(o, '"');
    json_out_add(o, inside);
    json_out_char(o, '"');
}

/* A comma, but behind an opening bracket. */
static inline void json_out_comma(struct json_out *o)
{
    char last = o->len > 0 ? o->at[o->len - 1] : '[';

    if (last != '[' && last != '{')
        json_out_char(o, ',');
}

/* The name of a member, a literal; its value is to follow. */
#define json_out_name(o, name)                                                                     \
    do {                                                                                           \
        json_out_comma(o);                                                                         \
        json_out_literal(o, "\"" name "\":");                                                      \
    } while (0)

static inline bool json_out_failed(const struct json_out *o)
{
    return !o->at;
}

static inline struct slice json_out_slice(const struct json_out *o)
{
    return slice_of(o->at, o->len);
}
