/* admin_json.c: users, audit rows and pages; see admin_json.h. */

#include "wire/admin_json.h"

#include "wire/admin_object.h"
#include "wire/usage_log_writer.h"

enum { OBJECT_BYTES = 640, PAGE_BYTES = 64 };

/* --- what every object has --- */

struct slice admin_written(void (*write)(struct json_out *o, const void *row), const void *row,
                           struct arena *a)
{
    struct json_out o;

    json_out_begin(&o, a, OBJECT_BYTES);
    write(&o, row);
    return json_out_failed(&o) ? (struct slice){0} : json_out_slice(&o);
}

void admin_write_id(struct json_out *o, int64_t id)
{
    json_out_u64(o, id > 0 ? (uint64_t)id : 0);
}

void admin_write_source(struct json_out *o, bool from_file)
{
    json_out_name(o, "source");
    json_out_add(o, from_file ? SLICE("\"file\"") : SLICE("\"api\""));
}

void admin_write_dates(struct json_out *o, const struct row_dates *d)
{
    json_out_name(o, "version");
    json_out_u64(o, d->version);
    json_out_name(o, "created_at");
    entry_write_time(o, d->created_wall_us);
    json_out_name(o, "updated_at");
    entry_write_time(o, d->updated_wall_us ? d->updated_wall_us : d->created_wall_us);
}

/* --- users --- */

const struct entry_form admin_user_form = {settings_user, NULL, sizeof(struct user_row)};

static void write_user(struct json_out *o, const void *row)
{
    const struct user_row *u = row;

    json_out_char(o, '{');
    json_out_name(o, "id");
    admin_write_id(o, u->id);
    json_out_name(o, "name");
    entry_write_text(o, u->name);
    json_out_name(o, "status");
    entry_write_text(o, u->deleted_wall_us ? SLICE("deleted")
                        : u->disabled      ? SLICE("disabled")
                                           : SLICE("active"));
    json_out_name(o, "deleted_at");
    entry_write_time(o, u->deleted_wall_us);
    admin_write_dates(o, &(struct row_dates){u->version, u->created_wall_us, u->updated_wall_us});
    json_out_char(o, '}');
}

struct slice admin_user_json(const void *row, struct arena *a)
{
    return admin_written(write_user, row, a);
}

/* --- audit rows --- */

static void write_json_or_null(struct json_out *o, struct slice json)
{
    json_out_add(o, json.len ? json : SLICE("null"));
}

static void write_audit(struct json_out *o, const void *row)
{
    const struct audit_row *a = row;

    json_out_char(o, '{');
    json_out_name(o, "id");
    admin_write_id(o, a->id);
    json_out_name(o, "created_at");
    entry_write_time(o, a->wall_us);
    json_out_name(o, "key_id");
    admin_write_id(o, a->key_id);
    json_out_name(o, "user_id");
    admin_write_id(o, a->user_id);
    json_out_name(o, "request_id");
    entry_write_text(o, a->request_id);
    json_out_name(o, "action");
    entry_write_text(o, a->action);
    json_out_name(o, "object_type");
    entry_write_text(o, a->kind);
    json_out_name(o, "object_id");
    entry_write_text(o, a->object);
    json_out_name(o, "before");
    write_json_or_null(o, a->before);
    json_out_name(o, "after");
    write_json_or_null(o, a->after);
    json_out_char(o, '}');
}

struct slice admin_audit_json(const void *row, struct arena *a)
{
    return admin_written(write_audit, row, a);
}

/* --- pages --- */

struct slice admin_log_json(const void *row, struct arena *a)
{
    struct json_out o;

    json_out_begin(&o, a, 640);
    usage_log_write_json(&o, row);
    return json_out_slice(&o);
}

struct slice admin_prompt_json(const void *row, struct arena *a)
{
    const struct prompt_log *log = row;
    size_t expected = 1024;
    struct json_out o;

    for (size_t i = 0; i < PROMPT_LOG_COLUMNS; i++)
        expected += log->at[i].len + log->at[i].len / 2;
    json_out_begin(&o, a, expected);
    prompt_log_write_json(&o, log);
    return json_out_slice(&o);
}

struct slice admin_page_json(const struct admin_rows *page,
                             struct slice (*one)(const void *row, struct arena *a), struct arena *a)
{
    struct slice *objects = arena_new_array(a, struct slice, page->n + 1);
    size_t expected = PAGE_BYTES + page->next.len;
    struct json_out o;

    if (!objects)
        return (struct slice){0};
    for (size_t i = 0; i < page->n; i++) {
        objects[i] = one((const char *)page->rows + i * page->row_size, a);
        if (!objects[i].at)
            return objects[i];
        expected += objects[i].len + 1;
    }
    json_out_begin(&o, a, expected); /* at once: what grows leaves its past in the arena */
    json_out_literal(&o, "{\"data\":[");
    for (size_t i = 0; i < page->n; i++) {
        json_out_comma(&o);
        json_out_add(&o, objects[i]);
    }
    json_out_literal(&o, "],\"next\":");
    if (page->next.len)
        entry_write_text(&o, page->next);
    else
        json_out_literal(&o, "null");
    json_out_char(&o, '}');
    return json_out_failed(&o) ? (struct slice){0} : json_out_slice(&o);
}
