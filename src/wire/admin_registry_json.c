/* admin_registry_json.c: providers and models; see admin_json.h. */

#include "wire/admin_object.h"

enum { TARGETS_MOST = 64 };

/* Whether there is a key of its own; the key itself is never told. */
static void write_key_set(struct json_out *o, struct slice sealed_key)
{
    json_out_name(o, "api_key_set");
    json_out_add(o, sealed_key.len ? SLICE("true") : SLICE("false"));
}

/* --- providers --- */

const struct entry_form admin_provider_form = {settings_provider, NULL,
                                               sizeof(struct provider_row)};

static void write_provider(struct json_out *o, const void *row)
{
    const struct provider_row *p = row;

    json_out_char(o, '{');
    entry_write_settings(o, settings_provider, row);
    write_key_set(o, p->sealed_key);
    admin_write_source(o, p->from_file);
    admin_write_dates(o, &(struct row_dates){p->version, p->created_wall_us, p->updated_wall_us});
    json_out_char(o, '}');
}

struct slice admin_provider_json(const void *row, struct arena *a)
{
    return admin_written(write_provider, row, a);
}

/* --- models --- */

static bool read_target(struct reader *r, struct json_value v, size_t index, struct target_row *ret)
{
    struct slice path = arena_printf(r->arena, "targets[%zu]", index);

    if (!path.at)
        return reader_refuse_memory(r);
    if (v.type != JSON_OBJECT)
        return reader_refuse_type(r, path, "an object", v.type);
    return entry_read_nested(r, settings_target, path, v.text, ret);
}

static size_t count(struct slice array)
{
    struct json_value v;
    size_t at = 0, n = 0;

    while (json_next(array, &at, &v))
        n++;
    return n;
}

static bool read_targets(struct reader *r, struct json_value v, void *row)
{
    struct slice name = SLICE("targets");
    struct model_row *m = row;
    struct json_value one;
    size_t at = 0, index = 0;

    m->targets = NULL;
    m->targets_len = 0;
    if (v.type == JSON_NULL)
        return true;
    if (v.type != JSON_ARRAY)
        return reader_refuse_type(r, name, "an array of objects", v.type);
    size_t n = count(v.text);
    if (n > TARGETS_MOST)
        return reader_refuse_value(r, name, "at most 64 targets");
    struct target_row *targets = arena_new_array(r->arena, struct target_row, n);
    if (!targets)
        return reader_refuse_memory(r);
    for (; json_next(v.text, &at, &one); index++)
        if (!read_target(r, one, index, &targets[index]))
            return false;
    m->targets = targets;
    m->targets_len = n;
    return true;
}

_Static_assert(offsetof(struct model_row, targets_len) ==
                   offsetof(struct model_row, targets) + sizeof(const struct target_row *),
               "targets and their number are copied as one member");

static const struct entry_extra model_extras[] = {
    {"targets",
     read_targets, {offsetof(struct model_row, targets), sizeof(const struct target_row *) + sizeof(size_t)}},
    {0},
};

const struct entry_form admin_model_form = {settings_model, model_extras, sizeof(struct model_row)};

static void write_targets(struct json_out *o, const struct model_row *m)
{
    json_out_name(o, "targets");
    json_out_char(o, '[');
    for (size_t i = 0; i < m->targets_len; i++) {
        json_out_comma(o);
        json_out_char(o, '{');
        entry_write_settings(o, settings_target, &m->targets[i]);
        write_key_set(o, m->targets[i].sealed_key);
        json_out_char(o, '}');
    }
    json_out_char(o, ']');
}

static void write_model(struct json_out *o, const void *row)
{
    const struct model_row *m = row;

    json_out_char(o, '{');
    entry_write_settings(o, settings_model, row);
    write_key_set(o, m->sealed_key);
    write_targets(o, m);
    admin_write_source(o, m->from_file);
    admin_write_dates(o, &(struct row_dates){m->version, m->created_wall_us, m->updated_wall_us});
    json_out_char(o, '}');
}

struct slice admin_model_json(const void *row, struct arena *a)
{
    return admin_written(write_model, row, a);
}
