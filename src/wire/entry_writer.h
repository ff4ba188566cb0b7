/* entry_writer.h: the settings of an object as members of a JSON object, in the order of the table.
 * Secrets and what is told apart are left out: that is for whoever writes the object. */

#pragma once

#include "codec/json_out.h"
#include "model/setting.h"

/* Behind what stands there already, inside of the braces. What is not set is null. */
void entry_write_settings(struct json_out *o, const struct setting *table, const void *row);

/* Single values, for the members that no table tells of. */
void entry_write_text(struct json_out *o, struct slice text);
/* RFC 3339; 0: null. */
void entry_write_time(struct json_out *o, uint64_t wall_us);
