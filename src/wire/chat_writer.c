/* chat_writer.c: pieces that are written in the same way in every dialect. */

#include "wire/chat_writer.h"

#include <stdlib.h>

/* What a block, and a body as a whole, may grow by. */
enum { GROWTH_BLOCK = 64, GROWTH_BODY = 1024 };

void chat_writer_begin(struct chat_writer *w, const struct chat *c, const struct wire_options *o,
                       struct arena *a, struct fault *fault)
{
    *fault = (struct fault){0};
    *w = (struct chat_writer){
        .r = {c->body, a, fault},
          .chat = c, .options = o
    };
    json_out_begin(&w->o, a, c->body.len + c->blocks * GROWTH_BLOCK + GROWTH_BODY);
}

bool chat_writer_end(struct chat_writer *w, struct slice *ret_body)
{
    *ret_body = json_out_slice(&w->o);
    return !json_out_failed(&w->o) || reader_refuse_memory(&w->r);
}

static struct slice path_of(struct chat_writer *w, const char *at)
{
    return json_path(w->r.body, at, w->r.arena);
}

bool write_refuse_value(struct chat_writer *w, const char *at, const char *why)
{
    return reader_refuse_value(&w->r, path_of(w, at), why);
}

bool write_refuse_unsupported(struct chat_writer *w, const char *at, const char *why)
{
    return reader_refuse_unsupported(&w->r, path_of(w, at), why);
}

bool check_choice(struct chat_writer *w)
{
    const struct chat *c = w->chat;

    if (c->tools || (c->choice != CHAT_CHOICE_ANY && c->choice != CHAT_CHOICE_NAMED))
        return true;
    return write_refuse_value(w, c->choice_at.at, "no tools are given");
}

void write_model(struct chat_writer *w)
{
    json_out_name(&w->o, "model");
    json_out_char(&w->o, '"');
    json_out_escape(&w->o, w->options->model);
    json_out_char(&w->o, '"');
}

void write_cache_control(struct chat_writer *w, struct slice raw)
{
    if (raw.len == 0)
        return;
    json_out_name(&w->o, "cache_control");
    json_out_add(&w->o, raw);
}

static bool is_own(const struct chat_extra *e, const struct slice *own, size_t n)
{
    struct json_value name = {.type = JSON_STRING, .text = e->name};

    for (size_t i = 0; i < n; i++)
        if (json_string_eq(name, own[i]))
            return true;
    return false;
}

bool write_extras(struct chat_writer *w, const struct slice *own, size_t n)
{
    for (const struct chat_extra *e = w->chat->extras; e; e = e->next) {
        if (is_own(e, own, n))
            return write_refuse_unsupported(w, e->value.at, "it belongs to another API");
        json_out_comma(&w->o);
        json_out_add(&w->o, e->name);
        json_out_char(&w->o, ':');
        json_out_add(&w->o, e->value);
    }
    return true;
}

static bool is_empty_object(struct slice object)
{
    struct json_cursor c = json_cursor_of(object);

    return json_cursor_enter(&c) && !json_cursor_element(&c);
}

void write_function_words(struct chat_writer *w, const struct chat_tool *tool)
{
    json_out_literal(&w->o, "{\"name\":");
    json_out_quote(&w->o, tool->name);
    if (tool->description.len > 0) {
        json_out_name(&w->o, "description");
        json_out_quote(&w->o, tool->description);
    }
}

void write_schema(struct chat_writer *w, struct slice schema)
{
    if (schema.len == 0 || is_empty_object(schema))
        json_out_literal(&w->o, "{\"type\":\"object\",\"properties\":{}}");
    else
        json_out_add(&w->o, schema);
}

void write_joined(struct chat_writer *w, const struct chat_block *blocks, struct slice glue)
{
    bool first = true;

    for (const struct chat_block *b = blocks; b; b = b->next) {
        if (b->kind != CHAT_TEXT || b->text.len == 0)
            continue;
        if (glue.len > 0 && text_is_blank(b->text))
            continue;
        if (!first)
            json_out_add(&w->o, glue);
        json_out_add(&w->o, b->text);
        first = false;
    }
}

/* The bytes of the white space that text begins with: one, or an escape. 0: it begins otherwise. */
static size_t blank_at(struct slice text)
{
    static const struct slice spelled[] = {
        SLICE_INIT("\\u0020"), SLICE_INIT("\\u0009"), SLICE_INIT("\\u000a"), SLICE_INIT("\\u000A"),
        SLICE_INIT("\\u000b"), SLICE_INIT("\\u000B"), SLICE_INIT("\\u000c"), SLICE_INIT("\\u000C"),
        SLICE_INIT("\\u000d"), SLICE_INIT("\\u000D"),
    };

    if (text.at[0] == ' ')
        return 1;
    if (text.at[0] != '\\' || text.len < 2)
        return 0;
    if (strchr("ntrf", text.at[1]))
        return 2;
    for (size_t i = 0; i < ARRAY_LEN(spelled); i++)
        if (slice_starts(text, spelled[i]))
            return spelled[i].len;
    return 0;
}

bool text_is_blank(struct slice text)
{
    while (text.len > 0) {
        size_t n = blank_at(text);
        if (n == 0)
            return false;
        text = slice_sub(text, n, text.len);
    }
    return true;
}

/* Whether the byte at i stands behind a backslash that is not itself escaped. */
static bool is_escaped(struct slice text, size_t i)
{
    size_t backslashes = 0;

    while (backslashes < i && text.at[i - 1 - backslashes] == '\\')
        backslashes++;
    return backslashes % 2 == 1;
}

struct slice text_trim_end(struct slice text)
{
    while (text.len > 0) {
        size_t last = text.len - 1;
        if (is_escaped(text, last) && strchr("ntrf", text.at[last]))
            text.len -= 2;
        else if (text.at[last] == ' ' && !is_escaped(text, last))
            text.len--;
        else
            break;
    }
    return text;
}

double number_of(struct slice raw)
{
    char text[64];
    size_t n = MIN(raw.len, sizeof(text) - 1);

    if (n > 0)
        memcpy(text, raw.at, n);
    text[n] = '\0';
    return strtod(text, NULL);
}
