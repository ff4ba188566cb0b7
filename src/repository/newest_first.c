/* newest_first.c: see newest_first.h. */

#include "repository/newest_first.h"

#include "base/clock.h"

static const struct slice last_id = SLICE_INIT("ffffffff-ffff-ffff-ffff-ffffffffffff");
static const struct slice last_time = SLICE_INIT("9999-12-31T23:59:59.999Z");

bool newest_first_by_id(const struct db *db)
{
    return strcmp(db_driver_name(db), "sqlite") == 0;
}

void newest_first_least_id(uint64_t wall_us, char ret[RECORD_ID_TEXT])
{
    uint64_t ms = wall_us / 1000;
    struct record_id id = {{0}};

    for (unsigned i = 0; i < 6; i++)
        id.bytes[i] = (unsigned char)(ms >> (8 * (5 - i)));
    record_id_format(&id, ret);
}

bool newest_first_is_row(struct slice id, struct slice created_at)
{
    struct record_id unused;
    uint64_t unused_us;

    if (id.len + created_at.len == 0)
        return true;
    return record_id_parse(id, &unused) == OK && clock_parse_rfc3339(created_at, &unused_us) == OK;
}

void newest_first_bind_after(struct db_statement *s, unsigned n_id, struct slice id,
                             struct slice created_at)
{
    db_bind_text(s, n_id, id.len ? id : last_id);
    db_bind_text(s, n_id + 1, created_at.len ? created_at : last_time);
}

void newest_first_bind_span(struct db_statement *s, uint64_t from_wall_us, uint64_t to_wall_us,
                            unsigned n_id, struct newest_first_span *span)
{
    bind_time(s, 1, MAX(from_wall_us, 1u), span->from);
    if (to_wall_us)
        bind_time(s, 2, to_wall_us, span->to);
    else
        db_bind_text(s, 2, last_time);
    newest_first_least_id(from_wall_us, span->least_id);
    db_bind_text(s, n_id, slice_of(span->least_id, sizeof(span->least_id)));
}
