/* setting_value.h: text → the value of a setting, and what is allowed, said in words. */

#pragma once

#include "base/buf.h"
#include "model/setting.h"

/* More than any text of an object or a setting needs, less than its row would be held up by. */
enum { SETTING_TEXT_MOST = 64 * 1024 };

/* Reads text as a value of this setting into its member of object (struct settings or a row). The
 * value borrows text. False: *ret_why says what is wrong with it (static storage). */
bool setting_set(const struct setting *s, void *object, struct slice text, const char **ret_why);
/* Whether both objects have the same value of this setting. */
bool setting_is_equal(const struct setting *s, const void *a, const void *b);
/* What is allowed, for people: "a duration from 1ms to 1h, like 500ms, 30s, 2m". */
void setting_allowed(const struct setting *s, struct buf *ret);
/* "90s", "1500ms": as it would be written, in the largest unit that says it exactly; returns the
 * length. */
enum { SETTING_DURATION_TEXT = 24 };
size_t setting_duration_text(uint64_t ms, char ret[SETTING_DURATION_TEXT]);
/* Every member of the table gets its default. The defaults are literals. */
void setting_defaults(const struct setting *table, void *object);
/* The same for a row, which is zeroed first. */
void settings_entry_defaults(const struct setting *table, void *row, size_t row_size);
