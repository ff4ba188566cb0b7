/* json_cursor.h: reads a validated text in one pass, stepping into its containers.
 *
 *     json_cursor_enter(&c);
 *     while (json_cursor_member(&c, &name))
 *         json_cursor_take(&c, &value);
 *
 * Trusts the grammar (json_scan has been there) and never leaves the text, whatever that is. Where
 * json_members passes over every nested value to find a few, the cursor looks at each byte once. */

#pragma once

#include "base/arena.h"
#include "codec/json.h"

struct json_cursor {
    const unsigned char *at, *end;
};

/* The name of a member, as it stands in the text. */
struct json_name {
    struct slice text; /* with its quotes */
    bool plain;        /* no escape is in it */
};

/* Before the text's value. */
struct json_cursor json_cursor_of(struct slice text);
/* Of the value that stands next; JSON_NONE at the text's end. */
enum json_type json_cursor_type(const struct json_cursor *c);
/* Where the value that stands next begins. */
const char *json_cursor_at(struct json_cursor *c);
/* Steps behind the bracket of the array or object that stands next; false when there is none. */
bool json_cursor_enter(struct json_cursor *c);
/* In an object: reads the next name, its value then stands next and must be taken or entered to its
 * end. False: no more, the cursor is behind the object. */
bool json_cursor_member(struct json_cursor *c, struct json_name *ret);
/* In an array: whether an element stands next. False: no more, the cursor is behind the array. */
bool json_cursor_element(struct json_cursor *c);
/* The value that stands next, passed over; type JSON_NONE at the text's end. */
struct json_value json_cursor_take(struct json_cursor *c);

/* True when the name decodes to exactly s. */
static inline bool json_name_is(const struct json_name *name, struct slice s)
{
    if (LIKELY(name->plain))
        return name->text.len == s.len + 2 && memcmp(name->text.at + 1, s.at, s.len) == 0;
    return json_string_eq((struct json_value){.type = JSON_STRING, .text = name->text}, s);
}

/* How the innermost value is reached in which the byte at `at` of text stands:
 * "messages[2].content[0].text"; empty for the outermost, and when out of memory. */
struct slice json_path(struct slice text, const char *at, struct arena *a);
