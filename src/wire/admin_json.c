/* admin_json.c: see admin_json.h. */

#include "wire/admin_json.h"

#include "codec/json_cursor.h"
#include "wire/entry_writer.h"
#include "wire/usage_log_writer.h"

enum { MODEL_LIMITS_MOST = 256, MODEL_NAME_MOST = 128 };

enum { OBJECT_BYTES = 640 };

/* --- what every object has --- */

static struct slice written(void (*write)(struct json_out *o, const void *row), const void *row,
                            struct arena *a)
{
    struct json_out o;

    json_out_begin(&o, a, OBJECT_BYTES);
    write(&o, row);
    return json_out_failed(&o) ? (struct slice){0} : json_out_slice(&o);
}

static void write_i64(struct json_out *o, int64_t n)
{
    json_out_u64(o, n > 0 ? (uint64_t)n : 0);
}

struct row_dates {
    uint64_t version, created_wall_us, updated_wall_us;
};

static void write_dates(struct json_out *o, const struct row_dates *d, bool from_file)
{
    json_out_name(o, "source");
    json_out_add(o, from_file ? SLICE("\"file\"") : SLICE("\"api\""));
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
    write_i64(o, u->id);
    json_out_name(o, "name");
    entry_write_text(o, u->name);
    json_out_name(o, "status");
    entry_write_text(o, u->deleted_wall_us ? SLICE("deleted")
                        : u->disabled      ? SLICE("disabled")
                                           : SLICE("active"));
    json_out_name(o, "deleted_at");
    entry_write_time(o, u->deleted_wall_us);
    write_dates(o, &(struct row_dates){u->version, u->created_wall_us, u->updated_wall_us}, false);
    json_out_char(o, '}');
}

struct slice admin_user_json(const void *row, struct arena *a)
{
    return written(write_user, row, a);
}

/* --- keys --- */

static bool read_limit(struct reader *r, struct slice model, struct json_value v,
                       struct key_limit *ret)
{
    struct slice path = arena_printf(r->arena, "model_limits.%.*s", SLICE_FMT(model));

    ret->model = model;
    if (model.len == 0 || model.len > MODEL_NAME_MOST || memchr(model.at, ',', model.len))
        return reader_refuse_value(r, SLICE("model_limits"),
                                   "a model's name has 1 to 128 characters and no comma");
    if (v.type != JSON_OBJECT)
        return reader_refuse_type(r, path, "an object of rpm, tpm and concurrency", v.type);
    return entry_read_nested(r, settings_key_limit, path, v.text, ret);
}

static bool is_limited(const struct key_limit *limits, size_t n, struct slice model)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(limits[i].model, model))
            return true;
    return false;
}

static bool name_of(struct reader *r, const struct json_name *name, struct slice *ret)
{
    struct json_value quoted = {.type = JSON_STRING, .text = name->text};
    char *text = arena_alloc(r->arena, name->text.len);

    if (!text)
        return reader_refuse_memory(r);
    *ret = slice_of(text, json_decode(quoted, text));
    return true;
}

static bool read_limits(struct reader *r, struct json_value v, struct key_limit *limits,
                        size_t *ret_len)
{
    struct json_cursor c = json_cursor_of(v.text);
    struct json_name name;
    struct slice model;

    json_cursor_enter(&c);
    while (json_cursor_member(&c, &name)) {
        if (!name_of(r, &name, &model))
            return false;
        if (is_limited(limits, *ret_len, model))
            return reader_refuse_duplicate(r, SLICE("model_limits"));
        if (*ret_len == MODEL_LIMITS_MOST)
            return reader_refuse_value(r, SLICE("model_limits"), "at most 256 models");
        if (!read_limit(r, model, json_cursor_take(&c), &limits[(*ret_len)++]))
            return false;
    }
    return true;
}

static bool read_model_limits(struct reader *r, struct json_value v, void *row)
{
    struct key_row *key = row;
    size_t n = 0;

    key->model_limits = (struct slice){0};
    if (v.type == JSON_NULL)
        return true;
    if (v.type != JSON_OBJECT)
        return reader_refuse_type(r, SLICE("model_limits"), "an object of models", v.type);
    struct key_limit *limits = arena_new_array(r->arena, struct key_limit, MODEL_LIMITS_MOST);
    if (!limits)
        return reader_refuse_memory(r);
    if (!read_limits(r, v, limits, &n))
        return false;
    key->model_limits = key_limits_text(limits, n, r->arena);
    return key->model_limits.at || reader_refuse_memory(r);
}

static const struct entry_extra key_extras[] = {
    {"model_limits",
     read_model_limits, {offsetof(struct key_row, model_limits), sizeof(struct slice)}},
    {0},
};

const struct entry_form admin_key_form = {settings_key, key_extras, sizeof(struct key_row)};

static void write_model_limits(struct json_out *o, struct slice list)
{
    struct key_limit limit;

    json_out_char(o, '{');
    while (key_limits_next(&list, &limit)) {
        json_out_comma(o);
        entry_write_text(o, limit.model);
        json_out_literal(o, ":{");
        entry_write_settings(o, settings_key_limit, &limit);
        json_out_char(o, '}');
    }
    json_out_char(o, '}');
}

static struct slice key_status(const struct key_row *k)
{
    if (k->revoked)
        return SLICE("revoked");
    if (k->disabled || k->user_off)
        return SLICE("disabled");
    return k->expired ? SLICE("expired") : SLICE("active");
}

static void write_key(struct json_out *o, const void *row)
{
    const struct key_row *k = row;
    struct row_dates dates = {k->version, k->created_wall_us, k->updated_wall_us};

    json_out_char(o, '{');
    json_out_name(o, "id");
    write_i64(o, k->id);
    json_out_name(o, "user_name");
    entry_write_text(o, k->user_name);
    json_out_name(o, "prefix");
    entry_write_text(o, k->prefix);
    if (!secret_is_empty(k->token)) { /* once: nobody can read it again */
        json_out_name(o, "key");
        entry_write_text(o, secret_reveal(k->token));
    }
    json_out_name(o, "status");
    entry_write_text(o, key_status(k));
    entry_write_settings(o, settings_key, row);
    json_out_name(o, "model_limits");
    write_model_limits(o, k->model_limits);
    json_out_name(o, "last_used_at");
    entry_write_time(o, k->last_used_wall_us);
    json_out_name(o, "previous_key_valid_until");
    entry_write_time(o, k->old_over || k->revoked ? 0 : k->old_until_wall_us);
    write_dates(o, &dates, k->from_file);
    json_out_char(o, '}');
}

struct slice admin_key_json(const void *row, struct arena *a)
{
    return written(write_key, row, a);
}

/* --- rotation --- */

static const struct setting settings_rotation[] = {
    {"grace", SETTING_DURATION, "24h", .min = 0, .max = 30ul * 24 * 3600 * 1000,
     SETTING_MEMBER(struct key_rotation, grace_ms)},
    {0 },
};

const struct entry_form admin_rotation_form = {settings_rotation, NULL,
                                               sizeof(struct key_rotation)};

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
    write_i64(o, a->id);
    json_out_name(o, "created_at");
    entry_write_time(o, a->wall_us);
    json_out_name(o, "key_id");
    write_i64(o, a->key_id);
    json_out_name(o, "user_id");
    write_i64(o, a->user_id);
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
    return written(write_audit, row, a);
}

/* --- pages --- */

struct slice admin_log_json(const void *row, struct arena *a)
{
    struct json_out o;

    json_out_begin(&o, a, 640);
    usage_log_write_json(&o, row);
    return json_out_slice(&o);
}

struct slice admin_page_json(const struct admin_rows *page,
                             struct slice (*one)(const void *row, struct arena *a), struct arena *a)
{
    struct json_out o;

    json_out_begin(&o, a, (page->n + 1) * OBJECT_BYTES);
    json_out_literal(&o, "{\"data\":[");
    for (size_t i = 0; i < page->n; i++) {
        struct slice object = one((const char *)page->rows + i * page->row_size, a);
        if (!object.at)
            return object;
        json_out_comma(&o);
        json_out_add(&o, object);
    }
    json_out_literal(&o, "],\"next\":");
    if (page->next.len)
        entry_write_text(&o, page->next);
    else
        json_out_literal(&o, "null");
    json_out_char(&o, '}');
    return json_out_failed(&o) ? (struct slice){0} : json_out_slice(&o);
}
