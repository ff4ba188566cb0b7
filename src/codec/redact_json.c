/* redact_json.c: redacts a JSON text value by value, so that it stays JSON. See redact.h. */

#include "codec/redact.h"

#include "codec/json.h"
#include "codec/json_out.h"

#include <errno.h>

/* A string so long that consists of nothing but base64 is no text. */
enum { BINARY_LEAST = 1024 };

struct walk {
    const struct redactor *r;
    struct arena *a;
    struct slice text;
    size_t at;     /* the next byte to look at */
    size_t copied; /* bytes that are in out, or stand for themselves */
    struct json_out out;
};

static bool is_base64(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '-' || c == '_' || c == '=';
}

/* "data:image/png;base64,AAAA…" or just the base64. */
static bool is_binary(struct slice s)
{
    size_t comma = slice_find(s, SLICE(";base64,"));

    if (slice_starts(s, SLICE("data:")) && comma < s.len)
        s = slice_sub(s, comma + strlen(";base64,"), s.len);
    if (s.len < BINARY_LEAST)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!is_base64((unsigned char)s.at[i]))
            return false;
    return true;
}

/* What stands at [from, to) is replaced by a string. */
static void walk_replace(struct walk *w, size_t from, size_t to, struct slice instead)
{
    json_out_add(&w->out, slice_sub(w->text, w->copied, from));
    json_out_char(&w->out, '"');
    json_out_escape(&w->out, instead);
    json_out_char(&w->out, '"');
    w->copied = to;
}

static int walk_string(struct walk *w)
{
    size_t end = json_string_end(w->text, w->at);
    struct json_value v = {.type = JSON_STRING, .text = slice_sub(w->text, w->at, end)};
    char *decoded = arena_alloc(w->a, v.text.len);
    struct slice was, is;
    int rc;

    if (!decoded)
        return -ENOMEM;
    was = slice_of(decoded, json_decode(v, decoded));
    if (is_binary(was)) {
        walk_replace(w, w->at, end, SLICE("[BINARY]"));
        w->at = end;
        return OK;
    }
    rc = redact_text(w->r, was, w->a, &is);
    if (rc == OK && is.at != was.at)
        walk_replace(w, w->at, end, is);
    w->at = end;
    return rc;
}

static bool in_number(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static int walk_number(struct walk *w)
{
    size_t end = w->at;
    struct slice was, is;
    int rc;

    while (end < w->text.len && in_number(w->text.at[end]))
        end++;
    was = slice_sub(w->text, w->at, end);
    rc = redact_text(w->r, was, w->a, &is);
    if (rc == OK && is.at != was.at)
        walk_replace(w, w->at, end, is);
    w->at = end;
    return rc;
}

static int walk_all(struct walk *w)
{
    int rc = OK;

    while (rc == OK && w->at < w->text.len) {
        char c = w->text.at[w->at];
        if (c == '"')
            rc = walk_string(w);
        else if (c == '-' || (c >= '0' && c <= '9'))
            rc = walk_number(w);
        else
            w->at++;
    }
    return rc;
}

int redact_json(const struct redactor *r, struct slice text, struct arena *a, struct slice *ret)
{
    struct walk w = {.r = r, .a = a, .text = text};
    struct json_error unused;
    int rc;

    if (!json_is_valid(text, &unused))
        return redact_text(r, text, a, ret);
    *ret = text;
    json_out_begin(&w.out, a, text.len + 64);
    rc = walk_all(&w);
    if (rc < 0 || w.copied == 0)
        return rc;
    json_out_add(&w.out, slice_sub(text, w.copied, text.len));
    *ret = json_out_slice(&w.out);
    return json_out_failed(&w.out) ? -ENOMEM : OK;
}
