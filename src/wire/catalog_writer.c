/* catalog_writer.c: see catalog_writer.h. */

#include "wire/catalog_writer.h"

#include "base/clock.h"
#include "codec/json_out.h"

enum { MICROSECONDS = 1000000, ENTRY_BYTES = 256 };

static void write_text(struct json_out *o, struct slice text)
{
    json_out_char(o, '"');
    json_out_escape(o, text);
    json_out_char(o, '"');
}

static void write_words(struct json_out *o, struct slice list)
{
    json_out_char(o, '[');
    while (list.len) {
        json_out_comma(o);
        write_text(o, slice_cut(&list, ','));
    }
    json_out_char(o, ']');
}

static void write_openai(struct json_out *o, const struct catalog_entry *m)
{
    json_out_literal(o, "{\"id\":");
    write_text(o, m->name);
    json_out_literal(o, ",\"object\":\"model\",\"created\":");
    json_out_u64(o, m->created_wall_us / MICROSECONDS);
    json_out_literal(o, ",\"owned_by\":");
    write_text(o, m->owned_by);
    if (m->context_window) {
        json_out_name(o, "context_window");
        json_out_u64(o, m->context_window);
    }
    if (m->max_tokens) {
        json_out_name(o, "max_tokens");
        json_out_u64(o, m->max_tokens);
    }
    if (m->modalities.len) {
        json_out_name(o, "modalities");
        write_words(o, m->modalities);
    }
    json_out_char(o, '}');
}

static void write_anthropic(struct json_out *o, const struct catalog_entry *m)
{
    char created[CLOCK_RFC3339_LEN + 1];

    clock_rfc3339(m->created_wall_us, created);
    json_out_literal(o, "{\"type\":\"model\",\"id\":");
    write_text(o, m->name);
    json_out_literal(o, ",\"display_name\":");
    write_text(o, m->name);
    json_out_literal(o, ",\"created_at\":");
    write_text(o, slice_str(created));
    json_out_literal(o, ",\"lifecycle\":\"active\"");
    if (m->context_window) {
        json_out_name(o, "max_input_tokens");
        json_out_u64(o, m->context_window);
    }
    if (m->max_tokens) {
        json_out_name(o, "max_tokens");
        json_out_u64(o, m->max_tokens);
    }
    json_out_char(o, '}');
}

static void write_model(struct json_out *o, enum dialect dialect, const struct catalog_entry *m)
{
    if (dialect == DIALECT_MESSAGES)
        write_anthropic(o, m);
    else
        write_openai(o, m);
}

static void write_models(struct json_out *o, enum dialect dialect,
                         const struct catalog_entry *models, size_t n)
{
    json_out_literal(o, "\"data\":[");
    for (size_t i = 0; i < n; i++) {
        json_out_comma(o);
        write_model(o, dialect, &models[i]);
    }
    json_out_char(o, ']');
}

static struct slice written(const struct json_out *o)
{
    return json_out_failed(o) ? (struct slice){0} : json_out_slice(o);
}

struct slice catalog_write_list(const struct catalog_entry *models, size_t n, struct arena *a)
{
    struct json_out o;

    json_out_begin(&o, a, (n + 1) * ENTRY_BYTES);
    json_out_literal(&o, "{\"object\":\"list\",");
    write_models(&o, DIALECT_CHAT, models, n);
    json_out_char(&o, '}');
    return written(&o);
}

static void write_id(struct json_out *o, const struct catalog_entry *model)
{
    if (model)
        write_text(o, model->name);
    else
        json_out_literal(o, "null");
}

struct slice catalog_write_page(const struct catalog_entry *models, size_t n, bool more,
                                struct arena *a)
{
    struct json_out o;

    json_out_begin(&o, a, (n + 1) * ENTRY_BYTES);
    json_out_char(&o, '{');
    write_models(&o, DIALECT_MESSAGES, models, n);
    json_out_name(&o, "has_more");
    json_out_add(&o, more ? SLICE("true") : SLICE("false"));
    json_out_name(&o, "first_id");
    write_id(&o, n ? &models[0] : NULL);
    json_out_name(&o, "last_id");
    write_id(&o, n ? &models[n - 1] : NULL);
    json_out_char(&o, '}');
    return written(&o);
}

struct slice catalog_write_model(enum dialect dialect, const struct catalog_entry *model,
                                 struct arena *a)
{
    struct json_out o;

    json_out_begin(&o, a, ENTRY_BYTES);
    write_model(&o, dialect, model);
    return written(&o);
}
