/* admin_object.h: what the writers of the admin API's objects share; private to them. */

#pragma once

#include "wire/admin_json.h"
#include "wire/entry_writer.h"

/* What write leaves; .at NULL: out of memory. */
struct slice admin_written(void (*write)(struct json_out *o, const void *row), const void *row,
                           struct arena *a);
/* An id, which is never negative. */
void admin_write_id(struct json_out *o, int64_t id);

struct row_dates {
    uint64_t version, created_wall_us, updated_wall_us;
};
/* "version" and the times, behind the other members. */
void admin_write_dates(struct json_out *o, const struct row_dates *d);
/* "source": whose entry it is. */
void admin_write_source(struct json_out *o, bool from_file);
