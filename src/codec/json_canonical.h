/* json_canonical.h: one text for all texts that ask the same.
 *
 * - Space between the tokens goes.
 * - Strings are spelled in one way: escaped is only what must be, controls as \u001f in lower case;
 *   half a surrogate pair stays escaped.
 * - The members of the outermost object are sorted by name, and so are those of the objects in its
 *   lists and in their lists (JSON_SORTED levels in all). An object that is a member's value keeps
 *   its order, and so does all within it: the properties of a schema or the arguments of a tool
 *   reach a model in the order in which they were written, and it answers in that order.
 * - Numbers stay as they were written: 1.0 is not 1 to everyone. */

#pragma once

#include "codec/json_out.h"

enum { JSON_SORTED = 3, JSON_SORTED_MEMBERS = 64 };

/* Appends it. object was validated by json_scan; of any other text nothing is promised but that it
 * is not left. OK, -ENOMEM; -EEXIST: a member stands twice in a sorted object; -E2BIG: one has more
 * than JSON_SORTED_MEMBERS. */
int json_canonical(struct slice object, struct json_out *out) MUST_USE;
