/* log_line.c: {"time":…,"level":…,"message":…,fields} or `time LEVEL message name=value …`.
 *
 * Runs once per request, so without printf: the second of the time stamp is formatted once and
 * kept. A text that would grow over its share of the line is cut and marked; a field that finds no
 * room at all is left out. */

#include "base/log_line.h"

#include "base/clock.h"
#include "base/escape.h"
#include "base/fmt.h"

enum {
    TEXT_MAX = 2048, /* of one text, escaped */
    TAIL_MAX = 8,    /* "…", a quote, "}" and LF stay possible at any time */
    NUMBER_MAX = 24,
};

struct line {
    char *at;
    char *end; /* TAIL_MAX before the true end; only a tail may pass it */
    enum log_format format;
};

static const struct {
    struct slice json, text;
} level_names[] = {
    [LOG_DEBUG] = {SLICE_INIT("\",\"level\":\"debug\",\"message\":\""), SLICE_INIT(" DEBUG ")},
    [LOG_INFO] = {SLICE_INIT("\",\"level\":\"info\",\"message\":\""),  SLICE_INIT(" INFO ") },
    [LOG_WARN] = {SLICE_INIT("\",\"level\":\"warn\",\"message\":\""),  SLICE_INIT(" WARN ") },
    [LOG_ERROR] = {SLICE_INIT("\",\"level\":\"error\",\"message\":\""), SLICE_INIT(" ERROR ")},
};

static size_t line_room(const struct line *l)
{
    return l->at < l->end ? (size_t)(l->end - l->at) : 0;
}

/* The caller knows that there is room. */
static void line_put(struct line *l, struct slice s)
{
    memcpy(l->at, s.at, s.len);
    l->at += s.len;
}

static void line_put_time(struct line *l)
{
    static _Thread_local char text[CLOCK_RFC3339_LEN + 1];
    static _Thread_local uint64_t second;
    uint64_t now = clock_wall_us(), ms = now / 1000 % 1000;

    if (now / 1000000 != second || text[0] == '\0') {
        clock_rfc3339(now, text);
        second = now / 1000000;
    }
    text[20] = (char)('0' + ms / 100);
    text[21] = (char)('0' + ms / 10 % 10);
    text[22] = (char)('0' + ms % 10);
    line_put(l, slice_of(text, CLOCK_RFC3339_LEN));
}

static void line_put_text(struct line *l, struct slice s)
{
    l->at += escape_json(l->at, MIN(line_room(l), (size_t)TEXT_MAX), &s);
    if (s.len)
        line_put(l, SLICE("…"));
}

/* In text format a value goes without quotes when nothing in it needs them. */
static bool is_word(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c == 0x7F)
            return false;
    }
    return s.len > 0;
}

static void line_put_quoted(struct line *l, struct slice s)
{
    bool quotes = l->format == LOG_JSON || !is_word(s);

    if (quotes)
        *l->at++ = '"';
    line_put_text(l, s);
    if (quotes)
        *l->at++ = '"';
}

static void line_put_value(struct line *l, const struct log_field *f)
{
    uint64_t n = f->number;

    switch (f->kind) {
    case LOG_KIND_SLICE:
        line_put_quoted(l, f->text);
        break;
    case LOG_KIND_I64:
        if ((int64_t)n < 0) {
            *l->at++ = '-';
            n = 0 - n;
        }
        l->at += fmt_u64(l->at, n);
        break;
    case LOG_KIND_U64:
        l->at += fmt_u64(l->at, n);
        break;
    case LOG_KIND_BOOL:
        line_put(l, n ? SLICE("true") : SLICE("false"));
        break;
    case LOG_KIND_END:
        break;
    }
}

static void line_put_field(struct line *l, const struct log_field *f)
{
    struct slice name = slice_str(f->name);

    if (line_room(l) < name.len + NUMBER_MAX + sizeof(",\"\":\"\""))
        return;
    line_put(l, l->format == LOG_JSON ? SLICE(",\"") : SLICE(" "));
    line_put(l, name);
    line_put(l, l->format == LOG_JSON ? SLICE("\":") : SLICE("="));
    line_put_value(l, f);
}

size_t log_line(char ret[LOG_LINE_MAX], enum log_format format, enum log_level level,
                const char *message, const struct log_field *fields)
{
    struct line l = {ret, ret + LOG_LINE_MAX - TAIL_MAX, format};
    bool json = format == LOG_JSON;

    if (json)
        line_put(&l, SLICE("{\"time\":\""));
    line_put_time(&l);
    line_put(&l, json ? level_names[level].json : level_names[level].text);
    line_put_text(&l, slice_str(message));
    if (json)
        *l.at++ = '"';
    for (; fields->kind != LOG_KIND_END; fields++)
        line_put_field(&l, fields);
    line_put(&l, json ? SLICE("}\n") : SLICE("\n"));
    return (size_t)(l.at - ret);
}
