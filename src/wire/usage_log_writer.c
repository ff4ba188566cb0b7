/* usage_log_writer.c: see usage_log_writer.h. */

#include "wire/usage_log_writer.h"

enum { ROW_BYTES = 640 };

static void write_value(struct json_out *o, enum usage_log_kind kind, struct slice value)
{
    if (slice_is_empty(value)) {
        json_out_literal(o, "null");
    } else if (kind == USAGE_LOG_NUMBER) {
        json_out_add(o, value);
    } else if (kind == USAGE_LOG_BOOL) {
        json_out_add(o, slice_eq(value, SLICE("0")) ? SLICE("false") : SLICE("true"));
    } else {
        json_out_char(o, '"');
        json_out_escape(o, value);
        json_out_char(o, '"');
    }
}

static void write_object(struct json_out *o, const struct usage_log_column *columns, size_t n,
                         const struct slice *values)
{
    json_out_char(o, '{');
    for (size_t i = 0; i < n; i++) {
        json_out_comma(o);
        json_out_quote(o, slice_str(columns[i].name));
        json_out_char(o, ':');
        write_value(o, columns[i].kind, values[i]);
    }
    json_out_char(o, '}');
}

void usage_log_write_json(struct json_out *o, const struct usage_log *row)
{
    write_object(o, usage_log_columns, USAGE_LOG_COLUMNS, row->at);
}

void prompt_log_write_json(struct json_out *o, const struct prompt_log *row)
{
    write_object(o, prompt_log_columns, PROMPT_LOG_COLUMNS, row->at);
}

void usage_log_write_csv_head(struct json_out *o)
{
    for (size_t i = 0; i < USAGE_LOG_COLUMNS; i++) {
        if (i)
            json_out_char(o, ',');
        json_out_add(o, slice_str(usage_log_columns[i].name));
    }
    json_out_literal(o, "\r\n");
}

static bool needs_quotes(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (strchr(",\"\r\n", s.at[i]))
            return true;
    return false;
}

static void write_cell(struct json_out *o, struct slice s)
{
    bool quotes = needs_quotes(s);

    if (quotes)
        json_out_char(o, '"');
    if (s.len && memchr("=+-@\t\r", s.at[0], 6))
        json_out_char(o, '\'');
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '"')
            json_out_char(o, '"');
        json_out_char(o, s.at[i]);
    }
    if (quotes)
        json_out_char(o, '"');
}

void usage_log_write_csv(struct json_out *o, const struct usage_log *row)
{
    for (size_t i = 0; i < USAGE_LOG_COLUMNS; i++) {
        bool is_false = slice_eq(row->at[i], SLICE("0"));
        if (i)
            json_out_char(o, ',');
        if (usage_log_columns[i].kind == USAGE_LOG_BOOL)
            json_out_add(o, is_false ? SLICE("false") : SLICE("true"));
        else
            write_cell(o, row->at[i]);
    }
    json_out_literal(o, "\r\n");
}

struct slice usage_log_json_lines(const struct usage_log *rows, size_t n, struct arena *a)
{
    struct json_out o;

    json_out_begin(&o, a, (n + 1) * ROW_BYTES);
    for (size_t i = 0; i < n; i++) {
        usage_log_write_json(&o, &rows[i]);
        json_out_char(&o, '\n');
    }
    return json_out_slice(&o);
}

struct slice usage_log_csv_lines(const struct usage_log *rows, size_t n, bool head, struct arena *a)
{
    struct json_out o;

    json_out_begin(&o, a, (n + 1) * ROW_BYTES);
    if (head)
        usage_log_write_csv_head(&o);
    for (size_t i = 0; i < n; i++)
        usage_log_write_csv(&o, &rows[i]);
    return json_out_slice(&o);
}
