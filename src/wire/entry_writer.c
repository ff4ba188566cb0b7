/* entry_writer.c: see entry_writer.h. */

#include "wire/entry_writer.h"

#include "base/clock.h"
#include "wire/setting_value.h"

void entry_write_text(struct json_out *o, struct slice text)
{
    json_out_char(o, '"');
    json_out_escape(o, text);
    json_out_char(o, '"');
}

void entry_write_time(struct json_out *o, uint64_t wall_us)
{
    char text[CLOCK_RFC3339_LEN + 1];

    if (wall_us == 0) {
        json_out_literal(o, "null");
        return;
    }
    clock_rfc3339(wall_us, text);
    json_out_quote(o, slice_of(text, CLOCK_RFC3339_LEN));
}

static void write_list(struct json_out *o, const struct setting *s, struct slice list)
{
    if (slice_is_empty(list) && s->filled) {
        json_out_literal(o, "null");
        return;
    }
    json_out_char(o, '[');
    while (list.len) {
        json_out_comma(o);
        entry_write_text(o, slice_cut(&list, ','));
    }
    json_out_char(o, ']');
}

static void write_duration(struct json_out *o, const struct setting *s, uint64_t ms)
{
    char text[SETTING_DURATION_TEXT];

    if (ms == 0 && !s->off)
        json_out_literal(o, "null");
    else if (ms == 0)
        json_out_literal(o, "\"off\"");
    else
        json_out_quote(o, slice_of(text, setting_duration_text(ms, text)));
}

static uint64_t number_of(const struct setting *s, const char *at)
{
    uint64_t number = 0;
    unsigned word = 0;
    bool flag = false;

    if (s->size == sizeof(number)) {
        memcpy(&number, at, sizeof(number));
        return number;
    }
    if (s->size == sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        return word;
    }
    memcpy(&flag, at, sizeof(flag));
    return flag;
}

static void write_number(struct json_out *o, const struct setting *s, uint64_t n)
{
    switch (s->type) {
    case SETTING_DURATION:
        write_duration(o, s, n);
        break;
    case SETTING_TIME:
        entry_write_time(o, n);
        break;
    case SETTING_BOOL:
        json_out_add(o, n ? SLICE("true") : SLICE("false"));
        break;
    case SETTING_WORD:
        entry_write_text(o, slice_str(s->words[n]));
        break;
    default:
        if (n == 0 && s->min > 0)
            json_out_literal(o, "null");
        else
            json_out_u64(o, n);
    }
}

static void write_value(struct json_out *o, const struct setting *s, const void *row)
{
    const char *at = (const char *)row + s->at;
    struct slice text;

    if (s->size != sizeof(text)) {
        write_number(o, s, number_of(s, at));
        return;
    }
    memcpy(&text, at, sizeof(text));
    if (s->type == SETTING_NAMES || s->type == SETTING_WORDS)
        write_list(o, s, text);
    else if (slice_is_empty(text) && s->type != SETTING_LABEL)
        json_out_literal(o, "null");
    else
        entry_write_text(o, text);
}

void entry_write_settings(struct json_out *o, const struct setting *table, const void *row)
{
    for (const struct setting *s = table; s->path; s++) {
        if (s->type == SETTING_SECRET || s->apart)
            continue;
        json_out_comma(o);
        json_out_quote(o, slice_str(s->path));
        json_out_char(o, ':');
        write_value(o, s, row);
    }
}
