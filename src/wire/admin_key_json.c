/* admin_key_json.c: keys; see admin_json.h. */

#include "wire/admin_object.h"

#include "codec/json_cursor.h"

enum { MODEL_LIMITS_MOST = 256, MODEL_NAME_MOST = 128 };

/* --- reading --- */

/* As settings_model has it: a name that no model can have is a slip. */
static bool is_model_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] <= ' ' || name.at[i] >= 0x7f || name.at[i] == ',')
            return false;
    return name.len > 0 && name.len <= MODEL_NAME_MOST;
}

static bool read_limit(struct reader *r, struct slice model, struct json_value v,
                       struct key_limit *ret)
{
    struct slice path = arena_printf(r->arena, "model_limits.%.*s", SLICE_FMT(model));

    ret->model = model;
    if (!is_model_name(model))
        return reader_refuse_value(r, SLICE("model_limits"),
                                   "a model's name has 1 to 128 visible ASCII characters and no "
                                   "comma");
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
    struct slice model = {0};

    json_cursor_enter(&c);
    while (json_cursor_member(&c, &name)) {
        if (!name_of(r, &name, &model))
            return false;
        if (is_limited(limits, *ret_len, model))
            return reader_refuse_duplicate(
                r, arena_printf(r->arena, "model_limits.%.*s", SLICE_FMT(model)));
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
    admin_write_id(o, k->id);
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
    admin_write_source(o, k->from_file);
    admin_write_dates(o, &dates);
    json_out_char(o, '}');
}

struct slice admin_key_json(const void *row, struct arena *a)
{
    return admin_written(write_key, row, a);
}

/* --- rotation --- */

static const struct setting settings_rotation[] = {
    {"grace", SETTING_DURATION, "24h", .min = 0, .max = 30ul * 24 * 3600 * 1000,
     SETTING_MEMBER(struct key_rotation, grace_ms)},
    {0 },
};

const struct entry_form admin_rotation_form = {settings_rotation, NULL,
                                               sizeof(struct key_rotation)};
